// CUDA on the CPU: where the running thread stands.
#pragma once
#include <vector_types.h>

// For the thread that reads them they are constants, and compilers may keep them over a barrier. The runtime, where
// they are no constants, sets them whenever it goes from one thread of a block to another.
extern constinit thread_local const uint3 threadIdx;
extern constinit thread_local const uint3 blockIdx;
extern constinit thread_local const dim3 blockDim;
extern constinit thread_local const dim3 gridDim;
constexpr int warpSize = 32;
