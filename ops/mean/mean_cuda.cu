#include "ops/mean/mean_op.h"
#include "ops/sum/total_cuda.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(mean, MeanOp, TotalCuda);

}  // namespace ockham::cuda
