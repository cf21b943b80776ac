#pragma once
// Kernels over the elements of arrays: the derived struct has a count n and says what happens to element i. For .cu
// files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/launch.h"

namespace ockham::cuda {

/// struct Scale : PerElement<Scale> {
///   std::int64_t n; float a; float* y;
///   void operands(Operands& o) const { o.writes(y, n); }
///   __device__ void element(std::int64_t i) const { y[i] *= a; }
/// };
template <class Derived>
struct PerElement {
  static constexpr int kThreads = 256;
  static constexpr std::int64_t kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;

  std::int64_t blocks() const { return blocks_for(derived().n, kPerBlock); }
  __device__ void operator()(std::int64_t block) const {
    for (std::int64_t k = 0; k < kPerThread; ++k) {
      const std::int64_t i = block * kPerBlock + k * kThreads + threadIdx.x;
      if (i < derived().n)
        derived().element(i);
    }
  }
  __host__ __device__ const Derived& derived() const { return static_cast<const Derived&>(*this); }
};

}  // namespace ockham::cuda
