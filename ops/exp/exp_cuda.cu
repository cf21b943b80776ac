#include "autograd/elementwise_cuda.h"
#include "ops/exp/exp_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(exp, ElementwiseOp<Exp>, ElementwiseCuda<Exp>);

}  // namespace ockham::cuda
