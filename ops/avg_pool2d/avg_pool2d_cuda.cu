#include "autograd/op_classes_cuda.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"
#include "ops/pool_passes_cuda.h"

namespace ockham::cuda {

[[maybe_unused]] static const bool pools_absorb = register_absorption<PoolTranspose<float>, PoolTranspose<float>>() &&
                                                  register_absorption<PoolTranspose<double>, PoolTranspose<double>>();

class AvgPool2dCuda : public LinearCuda<AvgPool2d> {
 protected:
  void apply(const AvgPool2d& op, const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    visit_float(x.dtype(), op.name(), [&]<class T>() {
      launch(PoolForward<T>{.outputs = elements_of(y),
                            .windows = windows_of(op.window(), x, y),
                            .counts_padding = op.counts_padding(),
                            .x = x.device_data<T>(),
                            .y = y.device_data<T>()});
    });
  }
  void transpose(const AvgPool2d& op, const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override {
    visit_float(y_bar.dtype(), op.name(), [&]<class T>() {
      launch(PoolTranspose<T>{.inputs = elements_of(*x_bar.dst),
                              .adds = x_bar.accumulate,
                              .first = {.windows = windows_of(op.window(), *x_bar.dst, y_bar),
                                        .by_planes = Divisor(std::max<std::int64_t>(1, y_bar.size(0) * y_bar.size(1))),
                                        .counts_padding = op.counts_padding(),
                                        .y_bar = y_bar.device_data<T>()},
                              .x_bar = x_bar.dst->device_data<T>()});
    });
  }
};

OCKHAM_CUDA_PASSES(avg_pool2d, AvgPool2d, AvgPool2dCuda);

}  // namespace ockham::cuda
