#include <cmath>

#include "autograd/op_classes_cuda.h"
#include "ops/max_pool2d/max_pool2d_op.h"
#include "ops/pool_cuda.h"

namespace ockham::cuda {

/// y = the largest element of each window, the first of equal ones; NaN wins over numbers. taps: its number.
template <class T>
struct MaxPool {
  static constexpr int kThreads = PlaneElements::kThreads;
  PlaneElements outputs;
  PoolWindows windows;
  const T* x;
  T* y;
  std::uint8_t* taps;
  std::int64_t blocks() const { return outputs.blocks(); }
  void operands(Operands& o) const {
    o.reads(x, outputs.planes * windows.H * windows.W);
    o.writes(y, outputs.numel());
    o.writes(taps, outputs.numel());
  }
  __device__ void operator()(std::int64_t block) const {
    outputs.each(block, [&](const PlaneElements::Spot& spot) {
      const T* const plane = x + spot.plane * windows.H * windows.W;
      T best = T(-INFINITY);
      int chosen = -1;
      windows.each_tap(spot.row, spot.column, [&](int tap, int h, int w) {
        const T value = plane[static_cast<std::int64_t>(h) * windows.W + w];
        if (chosen < 0 || value > best || value != value) {
          best = value;
          chosen = tap;
        }
      });
      y[spot.at] = best;
      taps[spot.at] = static_cast<std::uint8_t>(chosen);
    });
  }
};

/// y = the element of x that each output chose, for D directions.
template <class T>
struct MaxPoolApply {
  static constexpr int kThreads = PlaneElements::kThreads;
  PlaneElements outputs;
  PoolWindows windows;
  Divisor by_planes;  ///< of one direction
  const std::uint8_t* taps;
  const T* x;
  T* y;
  std::int64_t blocks() const { return outputs.blocks(); }
  void operands(Operands& o) const {
    o.reads(taps, static_cast<std::int64_t>(by_planes.value()) * outputs.plane.size());
    o.reads(x, outputs.planes * windows.H * windows.W);
    o.writes(y, outputs.numel());
  }
  __device__ void operator()(std::int64_t block) const {
    outputs.each(block, [&](const PlaneElements::Spot& spot) {
      const auto d = static_cast<std::int64_t>(by_planes.divide(static_cast<unsigned>(spot.plane)));
      const int tap = taps[spot.at - d * by_planes.value() * outputs.plane.size()];
      const int h = spot.row * windows.stride - windows.pad + tap / windows.kernel;
      const int w = spot.column * windows.stride - windows.pad + tap % windows.kernel;
      y[spot.at] = x[(spot.plane * windows.H + h) * windows.W + w];
    });
  }
};

/// x_bar (+)= the sum of y_bar over the outputs that chose an element, for D directions: each element asks the windows
/// that hold it.
template <class T>
struct MaxPoolTranspose {
  static constexpr int kThreads = PlaneElements::kThreads;
  PlaneElements inputs;
  PoolWindows windows;
  Divisor by_planes;  ///< of one direction
  bool adds;
  const std::uint8_t* taps;
  const T* y_bar;
  T* x_bar;
  std::int64_t blocks() const { return inputs.blocks(); }
  void operands(Operands& o) const {
    o.reads(taps, static_cast<std::int64_t>(by_planes.value()) * windows.P * windows.Q);
    o.reads(y_bar, inputs.planes * windows.P * windows.Q);
    o.writes(x_bar, inputs.numel());
  }
  __device__ void operator()(std::int64_t block) const {
    inputs.each(block, [&](const PlaneElements::Spot& spot) {
      const std::int64_t size = static_cast<std::int64_t>(windows.P) * windows.Q;
      const auto d = static_cast<std::int64_t>(by_planes.divide(static_cast<unsigned>(spot.plane)));
      const T* const from = y_bar + spot.plane * size;
      const std::uint8_t* const chosen = taps + (spot.plane - d * by_planes.value()) * size;
      T sum = adds ? x_bar[spot.at] : T(0);
      windows.each_window(spot.row, spot.column, [&](int tap, int p, int q) {
        const std::int64_t at = static_cast<std::int64_t>(p) * windows.Q + q;
        if (chosen[at] == tap)
          sum += from[at];
      });
      x_bar[spot.at] = sum;
    });
  }
};

class MaxPool2dCuda : public LinearCuda<MaxPool2d> {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    Tensor taps(y[0].shape(), DType::kUInt8, y[0].device());
    visit_float(x[0].dtype(), op.name(), [&]<class T>() {
      launch(MaxPool<T>{.outputs = elements_of(y[0]),
                        .windows = windows_of(static_cast<const MaxPool2d&>(op).window(), x[0], y[0]),
                        .x = x[0].device_data<T>(),
                        .y = y[0].device_data<T>(),
                        .taps = taps.device_data<std::uint8_t>()});
    });
    saved.keep(taps);
    return true;
  }

 protected:
  void apply(const MaxPool2d& op, const Saved& saved, std::int64_t, const Tensor& x, Tensor& y) const override {
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      launch(MaxPoolApply<T>{.outputs = elements_of(y),
                             .windows = windows_of(op.window(), x, y),
                             .by_planes = planes_of(saved[0]),
                             .taps = saved[0].device_data<std::uint8_t>(),
                             .x = x.device_data<T>(),
                             .y = y.device_data<T>()});
    });
  }
  void transpose(const MaxPool2d& op, const Saved& saved, std::int64_t, const Tensor& y_bar,
                 GradSlot x_bar) const override {
    visit_float(y_bar.dtype(), op.name(), [&]<class T>() {
      launch(MaxPoolTranspose<T>{.inputs = elements_of(*x_bar.dst),
                                 .windows = windows_of(op.window(), *x_bar.dst, y_bar),
                                 .by_planes = planes_of(saved[0]),
                                 .adds = x_bar.accumulate,
                                 .taps = saved[0].device_data<std::uint8_t>(),
                                 .y_bar = y_bar.device_data<T>(),
                                 .x_bar = x_bar.dst->device_data<T>()});
    });
  }

 private:
  static Divisor planes_of(const Tensor& taps) {
    return Divisor(std::max<std::int64_t>(1, taps.size(0) * taps.size(1)));
  }
};

OCKHAM_CUDA_PASSES(max_pool2d, MaxPool2d, MaxPool2dCuda);

}  // namespace ockham::cuda
