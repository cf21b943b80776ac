#include "ops/conv2d/cuda/conv2d_passes_cuda.h"
#include "ops/linear/linear_op.h"

namespace ockham::cuda {

/// A fully connected layer is a 1x1 convolution of maps with one pixel.
class LinearPasses final : public ConvPasses {
  ConvSize size_of(const Op&, const Shape& x, const Shape& w, std::int64_t D) const override {
    return conv_size(cpu::conv2d_size({}, {x[0], x[1], 1, 1}, {w[0], w[1], 1, 1}), D);
  }
};

OCKHAM_CUDA_PASSES(linear, Linear, LinearPasses);

}  // namespace ockham::cuda
