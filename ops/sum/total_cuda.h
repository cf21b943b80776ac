#pragma once
// sum and mean on the GPU.
#include "autograd/op_classes_cuda.h"
#include "ops/sum/total.h"

namespace ockham::cuda {

/// x[d, i] (+)= factor * y[d] for all i.
template <class T>
struct SpreadTotal {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  std::int64_t D, n;
  double factor;
  bool adds;
  const T* y;
  T* x;

  std::int64_t blocks() const { return D * blocks_for(n, kPerBlock); }
  void operands(Operands& o) const {
    o.reads(y, D);
    o.writes(x, D * n);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPerBlock);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPerBlock + threadIdx.x;
    const T value = static_cast<T>(factor * static_cast<double>(y[d]));
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = first + k * kThreads;
      if (i < n)
        x[d * n + i] = adds ? x[d * n + i] + value : value;
    }
  }
};

class TotalCuda : public LinearCuda<TotalOp> {
 protected:
  void apply(const TotalOp& op, const Saved&, std::int64_t D, const Tensor& x, Tensor& y) const override {
    const std::int64_t n = x.numel() / D;
    visit_float(x.dtype(), op.name(),
                [&]<class T>() { sum_rows(sums_of<T>(D, n, Itself{}, x), y, false, op.factor(n)); });
  }
  void transpose(const TotalOp& op, const Saved&, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override {
    const std::int64_t n = x_bar.dst->numel() / D;
    visit_float(y_bar.dtype(), op.name(), [&]<class T>() {
      launch(SpreadTotal<T>{.D = D,
                            .n = n,
                            .factor = op.factor(n),
                            .adds = x_bar.accumulate,
                            .y = y_bar.device_data<T>(),
                            .x = x_bar.dst->device_data<T>()});
    });
  }
};

}  // namespace ockham::cuda
