#include "autograd/op_classes_cuda.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"
#include "ops/pool_cuda.h"

namespace ockham::cuda {

/// The factor of every element in window (p, q).
template <class T>
__device__ T weight_of(const PoolWindows& windows, bool counts_padding, int p, int q) {
  const int count =
      counts_padding ? windows.kernel * windows.kernel : windows.inside(p, windows.H) * windows.inside(q, windows.W);
  return T(1) / static_cast<T>(count);
}

/// y = the mean of each window.
template <class T>
struct AvgPool {
  static constexpr int kThreads = PlaneElements::kThreads;
  PlaneElements outputs;
  PoolWindows windows;
  bool counts_padding;
  const T* x;
  T* y;
  std::int64_t blocks() const { return outputs.blocks(); }
  void operands(Operands& o) const {
    o.reads(x, outputs.planes * windows.H * windows.W);
    o.writes(y, outputs.numel());
  }
  __device__ void operator()(std::int64_t block) const {
    outputs.each(block, [&](const PlaneElements::Spot& spot) {
      const T* const plane = x + spot.plane * windows.H * windows.W;
      T sum = T(0);
      windows.each_tap(spot.row, spot.column,
                       [&](int, int h, int w) { sum += plane[static_cast<std::int64_t>(h) * windows.W + w]; });
      y[spot.at] = weight_of<T>(windows, counts_padding, spot.row, spot.column) * sum;
    });
  }
};

/// x_bar (+)= the sum of weight * y_bar over the windows that hold an element.
template <class T>
struct AvgPoolTranspose {
  static constexpr int kThreads = PlaneElements::kThreads;
  PlaneElements inputs;
  PoolWindows windows;
  bool counts_padding, adds;
  const T* y_bar;
  T* x_bar;
  std::int64_t blocks() const { return inputs.blocks(); }
  void operands(Operands& o) const {
    o.reads(y_bar, inputs.planes * windows.P * windows.Q);
    o.writes(x_bar, inputs.numel());
  }
  __device__ void operator()(std::int64_t block) const {
    inputs.each(block, [&](const PlaneElements::Spot& spot) {
      const T* const from = y_bar + spot.plane * windows.P * windows.Q;
      T sum = adds ? x_bar[spot.at] : T(0);
      windows.each_window(spot.row, spot.column, [&](int, int p, int q) {
        sum += weight_of<T>(windows, counts_padding, p, q) * from[static_cast<std::int64_t>(p) * windows.Q + q];
      });
      x_bar[spot.at] = sum;
    });
  }
};

class AvgPool2dCuda : public LinearCuda<AvgPool2d> {
 protected:
  void apply(const AvgPool2d& op, const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      launch(AvgPool<T>{.outputs = elements_of(y),
                        .windows = windows_of(op.window(), x, y),
                        .counts_padding = op.counts_padding(),
                        .x = x.device_data<T>(),
                        .y = y.device_data<T>()});
    });
  }
  void transpose(const AvgPool2d& op, const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override {
    visit_float(y_bar.dtype(), op.name(), [&]<class T>() {
      launch(AvgPoolTranspose<T>{.inputs = elements_of(*x_bar.dst),
                                 .windows = windows_of(op.window(), *x_bar.dst, y_bar),
                                 .counts_padding = op.counts_padding(),
                                 .adds = x_bar.accumulate,
                                 .y_bar = y_bar.device_data<T>(),
                                 .x_bar = x_bar.dst->device_data<T>()});
    });
  }
};

OCKHAM_CUDA_PASSES(avg_pool2d, AvgPool2d, AvgPool2dCuda);

}  // namespace ockham::cuda
