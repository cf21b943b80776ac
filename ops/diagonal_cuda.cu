#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "ops/diagonal.h"
#include "ops/diagonal_cuda.h"

namespace ockham::cuda {

/// H[g] += the sum of entries [outer, groups, inner] of group g, a warp to a group.
struct AddGrouped {
  static constexpr int kThreads = 256;
  std::int64_t outer, groups, inner;
  const double* entries;
  double* H;
  std::int64_t blocks() const { return blocks_for(groups, kThreads / 32); }
  void operands(Operands& o) const {
    o.reads(entries, outer * groups * inner);
    o.writes(H, groups);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t g = block * (kThreads / 32) + threadIdx.x / 32;
    double total = 0.0;
    if (g < groups) {
      for (std::int64_t i = threadIdx.x % 32; i < outer * inner; i += 32)
        total += entries[(i / inner * groups + g) * inner + i % inner];
    }
    total = warp_sum(total);
    if (g < groups && threadIdx.x % 32 == 0)
      H[g] += total;
  }
};

/// H[g] += the sum of the squares of group g over all rows, a block to a group.
struct AddSquares {
  static constexpr int kThreads = 256;
  std::int64_t rows, entries, groups;
  const double* gradients;
  double* H;
  std::int64_t blocks() const { return groups; }
  void operands(Operands& o) const {
    o.reads(gradients, rows * entries);
    o.writes(H, groups);
  }
  __device__ void operator()(std::int64_t g) const {
    const std::int64_t inner = entries / groups;
    double total = 0.0;
    for (std::int64_t i = threadIdx.x; i < rows * inner; i += kThreads) {
      const double gradient = gradients[i / inner * entries + g * inner + i % inner];
      total += gradient * gradient;
    }
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      H[g] += total;
  }
};

void add_squares(const Tensor& gradients, Tensor& H) {
  launch(AddSquares{.rows = gradients.size(0),
                    .entries = gradients.size(1),
                    .groups = H.numel(),
                    .gradients = gradients.device_data<double>(),
                    .H = H.device_data<double>()});
}

namespace {

void add_grouped_entries(const Tensor& entries, Grouping grouping, Tensor& H) {
  const std::int64_t outer = grouping == Grouping::kChannel ? entries.size(0) : 1;
  launch(AddGrouped{.outer = outer,
                    .groups = H.numel(),
                    .inner = entries.numel() / (outer * H.numel()),
                    .entries = entries.device_data<double>(),
                    .H = H.device_data<double>()});
}

[[maybe_unused]] const bool registered = add_grouped_on.set(Device::Kind::kCuda, add_grouped_entries);

}  // namespace
}  // namespace ockham::cuda
