#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "ops/diagonal_cuda.h"

namespace ockham::cuda {

/// H[g] += the sum of entries [outer, groups, inner] of group g. One block a group.
struct GroupedSum {
  static constexpr int kThreads = 128;
  std::int64_t outer, groups, inner;
  const double* entries;
  double* H;

  std::int64_t blocks() const { return groups; }
  void operands(Operands& o) const {
    o.reads(entries, outer * groups * inner);
    o.writes(H, groups);
  }
  __device__ void operator()(std::int64_t g) const {
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < outer * inner; i += kThreads)
      sum += entries[(i / inner * groups + g) * inner + i % inner];
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0)
      H[g] += sum;
  }
};

void add_grouped(const Tensor& entries, Grouping grouping, Tensor& H) {
  const std::int64_t groups = H.numel();
  if (groups == 0)
    return;
  const std::int64_t outer = grouping == Grouping::kChannel ? entries.size(0) : 1;
  launch(GroupedSum{outer, groups, entries.numel() / (outer * groups), entries.device_data<double>(),
                    H.device_data<double>()});
}

}  // namespace ockham::cuda
