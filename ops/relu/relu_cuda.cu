#include "autograd/elementwise_cuda.h"
#include "ops/relu/relu_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(relu, ElementwiseOp<Relu>, ElementwiseCuda<Relu>);

}  // namespace ockham::cuda
