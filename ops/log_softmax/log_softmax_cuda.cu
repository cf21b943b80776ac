#include "ops/log_softmax/log_softmax_op.h"
#include "ops/softmax/row_cuda.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(log_softmax, RowOp<LogSoftmax>, RowCuda<LogSoftmax>);

}  // namespace ockham::cuda
