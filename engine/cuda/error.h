#pragma once
// What CUDA and cuBLAS answer, as exceptions that name the call.
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <string_view>

namespace ockham::cuda {

/// @throws Error "cuda: `what` failed: cudaErrorX, its text." unless the call succeeded
void check(cudaError_t error, std::string_view what);
void check(cublasStatus_t status, std::string_view what);

}  // namespace ockham::cuda
