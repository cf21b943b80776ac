// CUDA on the CPU: where the running thread stands.
#pragma once
#include <vector_types.h>

namespace emu {

/// A dim3 without a constructor: what has one is no constant to the compilers, and each access of it would be checked.
struct Extent {
  unsigned x, y, z;
  operator dim3() const { return {x, y, z}; }
};

}  // namespace emu

// For the thread that reads them they are constants, and compilers may keep them over a barrier. The runtime, where
// they are no constants, sets them whenever it goes from one thread of a block to another.
extern constinit thread_local const uint3 threadIdx;
extern constinit thread_local const uint3 blockIdx;
extern constinit thread_local const emu::Extent blockDim;
extern constinit thread_local const emu::Extent gridDim;
constexpr int warpSize = 32;
