#include "autograd/op_classes_cuda.h"
#include "ops/slice/slice_op.h"
#include "ops/window_cuda.h"

namespace ockham::cuda {

class SliceCuda : public LinearCuda<SliceOp> {
 protected:
  void apply(const SliceOp& op, const Saved&, std::int64_t D, const Tensor& x, Tensor& y) const override {
    move_window(op.window(D, x.shape()), x, y, Put::kBox);
  }
  void transpose(const SliceOp& op, const Saved&, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override {
    move_window(op.window(D, x_bar.dst->shape()).reversed(), y_bar, x_bar);
  }
};

OCKHAM_CUDA_PASSES(slice, SliceOp, SliceCuda);

}  // namespace ockham::cuda
