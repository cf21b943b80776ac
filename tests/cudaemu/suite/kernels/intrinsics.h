#pragma once
// Kernels that call what device code is made of. One block; `out` has one row of results per thread.
#include <cuda_bf16.h>

#include "tests/cudaemu/suite/kernels/kernels.h"

namespace ockham::emutest {

/// Four numbers a thread: __shfl_sync from lane 3, up by 2, down by 5, xor 9, in segments of `width`.
__global__ void shuffles(int* out, int width);
/// The sum over the warp by shuffles of doubles and of 64-bit integers: two numbers a thread.
__global__ void wide_shuffles(double* sums, long long* counts);
/// Ballot of odd lanes, any of lane 7, all below 32, ballot among the lower half (or 0): four numbers a thread.
__global__ void votes(unsigned* out);
/// __syncthreads_and, _or, _count of "my number is below `limit`": three numbers a thread.
__global__ void block_votes(int* out, int limit);
/// Each thread adds, takes the maximum of, the minimum of, ors and exchanges its number: six cells.
__global__ void atomics(int* cells, unsigned* masks, unsigned long long* wide);
/// A lock-free maximum of squares by compare-and-swap.
__global__ void maximum_by_cas(unsigned* cell);
/// Names of positions: blockIdx, threadIdx, blockDim, gridDim of each thread of a 3-D launch, 12 numbers each.
__global__ void positions(unsigned* out);
/// bfloat16 arithmetic: a * b + a, rounded after each step, and the same in float at the end.
__global__ void bfloat16_steps(const float* a, const float* b, __nv_bfloat16* stepwise, float* in_float);
/// Integer functions: __popc, __clz, __ffs, __brev, __umulhi, min, max, of x[t], y[t]: seven numbers a thread.
__global__ void integer_functions(const unsigned* x, const unsigned* y, unsigned* out);
/// rsqrtf, __expf, __fdividef, fmaf, min, max: six numbers a thread.
__global__ void float_functions(const float* x, const float* y, float* out);
/// Many barriers in a kernel whose threads loop differently between them.
__global__ void prefix_sums(int* out);

}  // namespace ockham::emutest
