#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/reduce.h"

namespace ockham::cuda {

template <class T>
struct SumRows {
  static constexpr int kThreads = 256;
  std::int64_t n, length;
  bool adds;
  double factor;
  const double* rows;
  T* totals;
  std::int64_t blocks() const { return n; }
  void operands(Operands& o) const {
    o.reads(rows, n * length);
    o.writes(totals, n);
  }
  __device__ void operator()(std::int64_t row) const {
    double total = 0.0;
    for (std::int64_t i = threadIdx.x; i < length; i += kThreads)
      total += rows[row * length + i];
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0) {
      const T value = static_cast<T>(factor * total);
      totals[row] = adds ? totals[row] + value : value;
    }
  }
};

void sum_rows(const Tensor& rows, Tensor& totals, bool adds, double factor) {
  const std::int64_t n = totals.numel();
  visit_float(totals.dtype(), "sum_rows", [&]<class T>() {
    launch(SumRows<T>{.n = n,
                      .length = n == 0 ? 0 : rows.numel() / n,
                      .adds = adds,
                      .factor = factor,
                      .rows = rows.device_data<double>(),
                      .totals = totals.device_data<T>()});
  });
}

void add_row_sums(const Tensor& rows, double factor, std::span<double> acc) {
  Tensor totals({static_cast<std::int64_t>(acc.size())}, DType::kFloat64, rows.device());
  sum_rows(rows, totals);
  const std::vector<double> sums = downloaded(totals);
  for (std::size_t i = 0; i < acc.size(); ++i)
    acc[i] += factor * sums[i];
}

}  // namespace ockham::cuda
