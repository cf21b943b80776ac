#include "autograd/op_classes_cuda.h"
#include "ops/pad2d/pad2d_op.h"
#include "ops/window_cuda.h"

namespace ockham::cuda {

class Pad2dCuda : public LinearCuda<Pad2dOp> {
 protected:
  void apply(const Pad2dOp& op, const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    move_window(op.window(x.shape(), y.shape()), x, y, Put::kAndZero);
  }
  void transpose(const Pad2dOp& op, const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override {
    move_window(op.window(x_bar.dst->shape(), y_bar.shape()).reversed(), y_bar, x_bar);
  }
};

OCKHAM_CUDA_PASSES(pad2d, Pad2dOp, Pad2dCuda);

}  // namespace ockham::cuda
