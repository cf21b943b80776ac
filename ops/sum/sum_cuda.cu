#include "ops/sum/sum_op.h"
#include "ops/sum/total_cuda.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(sum, SumOp, TotalCuda);

}  // namespace ockham::cuda
