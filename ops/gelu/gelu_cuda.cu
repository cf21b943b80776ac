#include "autograd/elementwise_cuda.h"
#include "ops/gelu/gelu_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(gelu, ElementwiseOp<Gelu>, ElementwiseCuda<Gelu>);

}  // namespace ockham::cuda
