#include "tests/cudaemu/suite/kernels/kernels.h"

namespace ockham::emutest {
namespace {

__device__ __forceinline__ float warp_sum(float v) {
  for (int offset = 16; offset > 0; offset >>= 1)
    v += __shfl_xor_sync(0xffffffffu, v, offset);
  return v;
}

/// All threads of the block get the sum; blockDim.x is a multiple of 32.
__device__ __forceinline__ float block_sum(float v) {
  __shared__ float partial[32];
  const int lane = static_cast<int>(threadIdx.x) & 31, warp = static_cast<int>(threadIdx.x) >> 5;
  v = warp_sum(v);
  __syncthreads();  // partial may still be read from an earlier call
  if (lane == 0)
    partial[warp] = v;
  __syncthreads();
  float sum = 0;
  for (int w = 0; w < static_cast<int>(blockDim.x) >> 5; ++w)
    sum += partial[w];
  return sum;
}

template <int K, int DILATION>
__device__ void depthwise(const float* x, const float* w, float* y, int channels, int height, int width) {
  constexpr int kPad = DILATION * (K / 2), kRows = 8 + 2 * kPad, kColumns = 32 + 2 * kPad;
  __shared__ float tile[kRows][kColumns];
  __shared__ float taps[K * K];
  const int plane = static_cast<int>(blockIdx.z), row0 = static_cast<int>(blockIdx.y) * 8;
  const int column0 = static_cast<int>(blockIdx.x) * 32;
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y), t = ty * 32 + tx;
  const long long base = static_cast<long long>(plane) * height * width;
  for (int i = t; i < kRows * kColumns; i += 256) {
    const int r = i / kColumns, c = i % kColumns, h = row0 + r - kPad, q = column0 + c - kPad;
    tile[r][c] = h >= 0 && h < height && q >= 0 && q < width ? x[base + h * width + q] : 0.0f;
  }
  if (t < K * K)
    taps[t] = w[plane % channels * K * K + t];
  __syncthreads();
  if (row0 + ty >= height || column0 + tx >= width)
    return;
  float sum = 0;
#pragma unroll
  for (int i = 0; i < K; ++i)
#pragma unroll
    for (int j = 0; j < K; ++j)
      sum += tile[ty + i * DILATION][tx + j * DILATION] * taps[i * K + j];
  y[base + (row0 + ty) * width + column0 + tx] = sum;
}

}  // namespace

__global__ void add_relu(const float* a, const float* b, float* y, int n) {
  const int stride = static_cast<int>(gridDim.x * blockDim.x);
  for (int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x); i < n; i += stride) {
    const float v = a[i] + b[i];
    y[i] = v > 0 ? v : 0;
  }
}

__global__ void add_relu4(const float4* a, const float4* b, float4* y, int n4) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= n4)
    return;
  const float4 u = a[i], v = b[i];
  y[i] = make_float4(fmaxf(u.x + v.x, 0), fmaxf(u.y + v.y, 0), fmaxf(u.z + v.z, 0), fmaxf(u.w + v.w, 0));
}

__global__ void row_sum(const float* x, float* y, int columns) {
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += static_cast<int>(blockDim.x))
    sum += x[static_cast<long long>(blockIdx.x) * columns + i];
  sum = block_sum(sum);
  if (threadIdx.x == 0)
    y[blockIdx.x] = sum;
}

__global__ void tree_sum(const float* x, float* y, int n) {
  float* const cells = reinterpret_cast<float*>(dynamic_shared);
  const int t = static_cast<int>(threadIdx.x), i = static_cast<int>(blockIdx.x * blockDim.x) + t;
  cells[t] = i < n ? x[i] : 0;
  __syncthreads();
  for (int s = static_cast<int>(blockDim.x) / 2; s > 0; s >>= 1) {
    if (t < s)
      cells[t] += cells[t + s];
    __syncthreads();
  }
  if (t == 0)
    y[blockIdx.x] = cells[0];
}

__global__ void __launch_bounds__(256)
    depthwise3(const float* x, const float* w, float* y, int channels, int height, int width) {
  depthwise<3, 1>(x, w, y, channels, height, width);
}

__global__ void __launch_bounds__(256)
    depthwise5(const float* x, const float* w, float* y, int channels, int height, int width) {
  depthwise<5, 2>(x, w, y, channels, height, width);
}

__global__ void gemm16(const float* a, const float* b, float* c, int m, int n, int k) {
  __shared__ float ta[16][17], tb[16][17];
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  const int row = static_cast<int>(blockIdx.y) * 16 + ty, column = static_cast<int>(blockIdx.x) * 16 + tx;
  float sum = 0;
  for (int k0 = 0; k0 < k; k0 += 16) {
    ta[ty][tx] = row < m && k0 + tx < k ? a[row * k + k0 + tx] : 0;
    tb[ty][tx] = column < n && k0 + ty < k ? b[(k0 + ty) * n + column] : 0;
    __syncthreads();
    for (int i = 0; i < 16; ++i)
      sum += ta[ty][i] * tb[i][tx];
    __syncthreads();
  }
  if (row < m && column < n)
    c[row * n + column] = sum;
}

__global__ void batch_moments(const float* x, float* mean, float* variance, int samples, int channels, int positions) {
  const int channel = static_cast<int>(blockIdx.x), count = samples * positions;
  const auto at = [&](int i) {
    return x[(static_cast<long long>(i / positions) * channels + channel) * positions + i % positions];
  };
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
    sum += at(i);
  const float average = block_sum(sum) / static_cast<float>(count);
  float squares = 0;
  for (int i = static_cast<int>(threadIdx.x); i < count; i += static_cast<int>(blockDim.x))
    squares += (at(i) - average) * (at(i) - average);
  squares = block_sum(squares);
  if (threadIdx.x == 0) {
    mean[channel] = average;
    variance[channel] = squares / static_cast<float>(count);
  }
}

__global__ void scale(const Scale __grid_constant__ kernel) {
  kernel(static_cast<int>(blockIdx.x));
}

__global__ void scale_many(const ManyScales __grid_constant__ kernels) {
  kernels.scales[blockIdx.y](static_cast<int>(blockIdx.x));
}

}  // namespace ockham::emutest
