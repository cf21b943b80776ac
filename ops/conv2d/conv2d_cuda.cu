#include "ops/conv2d/conv2d_op.h"
#include "ops/conv2d/cuda/conv2d_passes_cuda.h"

namespace ockham::cuda {

class Conv2dPasses final : public ConvPasses {
  ConvSize size_of(const Op& op, const Shape& x, const Shape& w, std::int64_t D) const override {
    return conv_size(cpu::conv2d_size(static_cast<const Conv2d&>(op).conv(), x, w), D);
  }
};

OCKHAM_CUDA_PASSES(conv2d, Conv2d, Conv2dPasses);

}  // namespace ockham::cuda
