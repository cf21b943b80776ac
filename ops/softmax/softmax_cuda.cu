#include "ops/softmax/row_cuda.h"
#include "ops/softmax/softmax_op.h"

namespace ockham::cuda {

OCKHAM_CUDA_PASSES(softmax, RowOp<Softmax>, RowCuda<Softmax>);

}  // namespace ockham::cuda
