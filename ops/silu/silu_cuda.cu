#include "autograd/elementwise_cuda.h"
#include "ops/silu/silu_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(silu, ElementwiseOp<Silu>, ElementwiseCuda<Silu>);

}  // namespace ockham::cuda
