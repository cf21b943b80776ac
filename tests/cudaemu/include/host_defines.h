// CUDA on the CPU: the function and variable qualifiers of device code.
#pragma once

#define __host__
#define __device__
#define __global__
#define __constant__ static
#define __managed__
#define __launch_bounds__(...)
#define __maxnreg__(...)
#define __forceinline__ inline __attribute__((always_inline))
#define __align__(n) alignas(n)

// One OS thread runs all threads of a block, so thread_local is one copy a block in flight. It serves static arrays in
// functions and `extern __shared__` alike.
#define __shared__ thread_local

// A parameter `const T __grid_constant__ name` (the qualifier behind the type) becomes a reference to the one copy that
// the launch made, as on the device. By value, each thread would get its own copy of up to 32 KB.
#define __grid_constant__ &
