#include "autograd/elementwise_cuda.h"
#include "ops/tanh/tanh_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(tanh, ElementwiseOp<Tanh>, ElementwiseCuda<Tanh>);

}  // namespace ockham::cuda
