#pragma once
// Small kernels of the kinds that this project has, and how they are launched.
#include <cuda_runtime.h>

#include <stdexcept>
#include <string>

extern __shared__ unsigned char dynamic_shared[];

namespace ockham::emutest {

/// Throws what a failed call says.
inline void check(cudaError_t error) {
  if (error != cudaSuccess)
    throw std::runtime_error(cudaGetErrorString(error));
}

struct Shape {
  dim3 grid, block;
  std::size_t dynamic_bytes = 0;
  cudaStream_t stream = nullptr;
};

template <class... Parameters, class... Arguments>
cudaError_t try_launch(void (*kernel)(Parameters...), const Shape& shape, Arguments&&... arguments) {
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.dynamic_bytes;
  config.stream = shape.stream;
  return cudaLaunchKernelEx(&config, kernel, std::forward<Arguments>(arguments)...);
}

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), const Shape& shape, Arguments&&... arguments) {
  check(try_launch(kernel, shape, std::forward<Arguments>(arguments)...));
}

inline dim3 blocks_for(int count, int threads) {
  return dim3(static_cast<unsigned>((count + threads - 1) / threads));
}

__global__ void add_relu(const float* a, const float* b, float* y, int n);
__global__ void add_relu4(const float4* a, const float4* b, float4* y, int n4);
__global__ void row_sum(const float* x, float* y, int columns);
__global__ void tree_sum(const float* x, float* y, int n);
/// Depthwise 3x3, "same", tile 8 x 32 of a plane (n, c) = blockIdx.z.
__global__ void depthwise3(const float* x, const float* w, float* y, int channels, int height, int width);
/// Depthwise 5x5 of dilation 2.
__global__ void depthwise5(const float* x, const float* w, float* y, int channels, int height, int width);
__global__ void gemm16(const float* a, const float* b, float* c, int m, int n, int k);
__global__ void batch_moments(const float* x, float* mean, float* variance, int samples, int channels, int positions);

/// A kernel as the backend writes them: its arguments are its members.
struct Scale {
  const float* x;
  float* y;
  float factor;
  int n;
  __device__ void operator()(int block) const {
    const int i = block * 256 + static_cast<int>(threadIdx.x);
    if (i < n)
      y[i] = factor * x[i];
  }
};
struct ManyScales {
  Scale scales[1365];
};
__global__ void scale(const Scale __grid_constant__ kernel);
__global__ void scale_many(const ManyScales __grid_constant__ kernels);

}  // namespace ockham::emutest
