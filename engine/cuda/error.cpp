#include "engine/cuda/error.h"

#include "engine/error.h"

namespace ockham::cuda {

void check(cudaError_t error, std::string_view what) {
  if (error == cudaSuccess)
    return;
  throw Error(concat("cuda: ", what, " failed: ", cudaGetErrorName(error), ", ", cudaGetErrorString(error),
                     "; run compute-sanitizer on the program, or use --device cpu."));
}

void check(cublasStatus_t status, std::string_view what) {
  if (status == CUBLAS_STATUS_SUCCESS)
    return;
  throw Error(concat("cublas: ", what, " failed: ", cublasGetStatusName(status), ", ", cublasGetStatusString(status),
                     "; run compute-sanitizer on the program, or use --device cpu."));
}

}  // namespace ockham::cuda
