#include "autograd/op_classes_cuda.h"
#include "ops/shift2d/shift2d_op.h"
#include "ops/window_cuda.h"

namespace ockham::cuda {

class Shift2dCuda : public LinearCuda<Shift2dOp> {
 protected:
  void apply(const Shift2dOp& op, const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    move_window(op.window(x.shape()), x, y, Put::kAndZero);
  }
  void transpose(const Shift2dOp& op, const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override {
    move_window(op.window(x_bar.dst->shape()).reversed(), y_bar, x_bar);
  }
};

OCKHAM_CUDA_PASSES(shift2d, Shift2dOp, Shift2dCuda);

}  // namespace ockham::cuda
