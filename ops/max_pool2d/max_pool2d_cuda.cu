#include "autograd/op_classes_cuda.h"
#include "ops/max_pool2d/max_pool2d_op.h"
#include "ops/pool_passes_cuda.h"

namespace ockham::cuda {

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

class MaxPool2dCuda : public LinearCuda<MaxPool2d> {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    Tensor taps(y[0].shape(), DType::kUInt8, y[0].device());
    visit_float(x[0].dtype(), op.name(), [&]<class T>() {
      launch(PoolForward<T>{.outputs = elements_of(y[0]),
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
      launch(PoolTranspose<T>{.inputs = elements_of(*x_bar.dst),
                              .adds = x_bar.accumulate,
                              .first = {.windows = windows_of(op.window(), *x_bar.dst, y_bar),
                                        .by_planes = planes_of(saved[0]),
                                        .taps = saved[0].device_data<std::uint8_t>(),
                                        .y_bar = y_bar.device_data<T>()},
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
