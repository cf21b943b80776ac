#include "autograd/elementwise_cuda.h"
#include "ops/log/log_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(log, ElementwiseOp<Log>, ElementwiseCuda<Log>);

}  // namespace ockham::cuda
