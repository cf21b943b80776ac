#include "autograd/device_passes.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"
#include "ops/pool.cuh"

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
    o.writes(y, outputs.planes * outputs.size);
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
    o.writes(x_bar, inputs.planes * inputs.size);
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

class AvgPool2dCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved&) const override { return apply(op, x[0], y[0]); }
  bool vjp(const Op& op, const Saved&, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return true;
    Tensor& to = *x_bar[0].dst;
    visit_float(to.dtype(), op.name(), [&]<class T>() {
      launch(AvgPoolTranspose<T>{.inputs = elements_of(to),
                                 .windows = windows_of(window_of(op), to, y_bar[0]),
                                 .counts_padding = static_cast<const AvgPool2d&>(op).counts_padding(),
                                 .adds = x_bar[0].accumulate,
                                 .y_bar = y_bar[0].device_data<T>(),
                                 .x_bar = to.device_data<T>()});
    });
    return true;
  }
  bool jvp(const Op& op, const Saved&, std::int64_t, Inputs x_dot, Outputs y_dot) const override {
    return apply(op, x_dot[0], y_dot[0]);
  }

 private:
  static bool apply(const Op& op, const Tensor& x, Tensor& y) {
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      launch(AvgPool<T>{.outputs = elements_of(y),
                        .windows = windows_of(window_of(op), x, y),
                        .counts_padding = static_cast<const AvgPool2d&>(op).counts_padding(),
                        .x = x.device_data<T>(),
                        .y = y.device_data<T>()});
    });
    return true;
  }
  static const PoolWindow& window_of(const Op& op) { return static_cast<const AvgPool2d&>(op).window(); }
};

OCKHAM_CUDA_PASSES(avg_pool2d, AvgPool2d, AvgPool2dCuda);

}  // namespace ockham::cuda
