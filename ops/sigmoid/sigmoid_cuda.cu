#include "autograd/elementwise_cuda.h"
#include "ops/sigmoid/sigmoid_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(sigmoid, ElementwiseOp<Sigmoid>, ElementwiseCuda<Sigmoid>);

}  // namespace ockham::cuda
