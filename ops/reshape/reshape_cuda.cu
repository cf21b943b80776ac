#include "autograd/op_classes_cuda.h"
#include "engine/math.h"
#include "ops/reshape/reshape_op.h"

namespace ockham::cuda {

class ReshapeCuda : public LinearCuda<ReshapeOp> {
 protected:
  void apply(const ReshapeOp&, const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override {
    copy(x.reshape(y.shape()), y);
  }
  void transpose(const ReshapeOp&, const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override {
    x_bar.add(y_bar.reshape(x_bar.dst->shape()));
  }
};

OCKHAM_CUDA_PASSES(reshape, ReshapeOp, ReshapeCuda);

}  // namespace ockham::cuda
