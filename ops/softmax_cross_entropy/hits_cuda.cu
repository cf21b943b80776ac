// Counts of right answers on the GPU: one block, a thread a row at a time.
#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "ops/softmax_cross_entropy/hits.h"

namespace ockham::cuda {

template <class T>
struct Hits {
  static constexpr int kThreads = 256;
  std::int64_t N, C;
  const T* logits;
  const std::int64_t* labels;
  double* counts;

  std::int64_t blocks() const { return 1; }
  void operands(Operands& o) const {
    o.reads(logits, N * C);
    o.reads(labels, N);
    o.writes(counts, 2);
  }
  __device__ void operator()(std::int64_t) const {
    double first = 0.0, of_five = 0.0;
    for (std::int64_t n = threadIdx.x; n < N; n += kThreads) {
      const T* row = logits + n * C;
      const std::int64_t label = labels[n];
      std::int64_t ahead = 0;
      for (std::int64_t c = 0; c < C; ++c)
        ahead += c != label && !(row[c] < row[label] || (row[c] == row[label] && c > label)) ? 1 : 0;
      first += ahead < 1 ? 1.0 : 0.0;
      of_five += ahead < 5 ? 1.0 : 0.0;
    }
    first = block_sum<kThreads>(first);
    of_five = block_sum<kThreads>(of_five);
    if (threadIdx.x == 0) {
      counts[0] = first;
      counts[1] = of_five;
    }
  }
};

static void count_hits(const Tensor& logits, const Tensor& labels, Tensor& counts) {
  visit_float(logits.dtype(), "hits", [&]<class T>() {
    launch(Hits<T>{logits.size(0), logits.size(1), logits.device_data<T>(), labels.device_data<std::int64_t>(),
                   counts.device_data<double>()});
  });
}

[[maybe_unused]] static const bool hits_registered = hits_on.set(Device::Kind::kCuda, count_hits);

}  // namespace ockham::cuda
