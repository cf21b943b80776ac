#pragma once
// What kernels are made of: sums over a block in fixed order, loads that widen, the split of an index. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/bfloat16.h"

namespace ockham::cuda {

/// A stored element in the type that it is computed in, and back.
template <class T>
__device__ __forceinline__ T load(const T* data, std::int64_t i) {
  return data[i];
}
__device__ __forceinline__ float load(const BFloat16* data, std::int64_t i) {
  return static_cast<float>(data[i]);
}
template <class T>
__device__ __forceinline__ void store(T* data, std::int64_t i, T value) {
  data[i] = value;
}
__device__ __forceinline__ void store(BFloat16* data, std::int64_t i, float value) {
  data[i] = BFloat16(value);
}

/// a b + c, rounded once wherever it is compiled. No product and sum are fused but by this (-fmad=false): where the
/// compiler chooses, the same lines have other bits in run_one and in run_many.
__device__ __forceinline__ float multiply_add(float a, float b, float c) {
  return fmaf(a, b, c);
}
__device__ __forceinline__ double multiply_add(double a, double b, double c) {
  return fma(a, b, c);
}

/// The sum over a warp, in every lane, in an order that depends on nothing.
template <class T>
__device__ __forceinline__ T warp_sum(T value) {
  for (int offset = 16; offset > 0; offset >>= 1)
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  return value;
}

/// The sum over a block of kThreads (a multiple of 32), in every thread. A barrier for all threads of the block.
template <int kThreads, class T>
__device__ __forceinline__ T block_sum(T value) {
  static_assert(kThreads % 32 == 0 && kThreads <= 1024, "whole warps");
  __shared__ T parts[kThreads / 32];
  const unsigned lane = threadIdx.x % 32;
  value = warp_sum(value);
  __syncthreads();  // an earlier sum may still be read
  if (lane == 0)
    parts[threadIdx.x / 32] = value;
  __syncthreads();
  T total = T(0);
  for (int warp = 0; warp < kThreads / 32; ++warp)
    total += parts[warp];
  return total;
}

}  // namespace ockham::cuda
