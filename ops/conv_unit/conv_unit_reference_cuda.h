#pragma once
// What conv_unit does besides convolving, by plain kernels: a block a plane, sums in double. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "ops/conv2d/cuda/conv2d_maps_cuda.h"

namespace ockham::cuda {

/// y [D*N, C, plane] = the elements of a map.
template <class Source>
struct Materialise {
  static constexpr int kThreads = 256;
  std::int64_t D, N, C, plane;
  Source x;
  typename Source::Value* y;

  std::int64_t numel() const { return D * N * C * plane; }
  std::int64_t blocks() const { return blocks_for(numel(), kThreads); }
  void operands(Operands& o) const {
    x.operands(o, static_cast<int>(D));
    o.writes(y, numel());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x, at = i / plane / C;
    if (at >= D * N)
      return;
    const int c = static_cast<int>(i / plane % C);
    y[i] = x.value(x.channel(static_cast<int>(at / N), c), SampleAt(static_cast<int>(N), at), c, i % plane);
  }
};

/// parts [N, 3, D, K]: the sums over a plane of z_dot, of z_dot^2 and of z_dot (z - mean).
template <class T>
struct TangentSums {
  static constexpr int kThreads = 128;
  std::int64_t D, N, K, plane;
  const T* z_dot;    ///< [D*N, K, plane]
  const T* z;        ///< [N, K, plane]
  const T* moments;  ///< [2, K]
  double* parts;

  std::int64_t blocks() const { return D * N * K; }
  void operands(Operands& o) const {
    o.reads(z_dot, D * N * K * plane);
    o.reads(z, N * K * plane);
    o.reads(moments, 2 * K);
    o.writes(parts, 3 * N * D * K);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t k = block % K, n = block / K % N, d = block / K / N;
    const auto mean = static_cast<double>(moments[k]);
    double sum = 0.0, squares = 0.0, cross = 0.0;
    for (std::int64_t p = threadIdx.x; p < plane; p += kThreads) {
      const auto dot = static_cast<double>(z_dot[block * plane + p]);
      sum += dot;
      squares += dot * dot;
      cross += dot * (static_cast<double>(z[(n * K + k) * plane + p]) - mean);
    }
    sum = block_sum<kThreads>(sum);
    squares = block_sum<kThreads>(squares);
    cross = block_sum<kThreads>(cross);
    if (threadIdx.x == 0) {
      double* const part = parts + (n * 3 * D + d) * K + k;
      part[0] = sum;
      part[D * K] = squares;
      part[2 * D * K] = cross;
    }
  }
};

/// moments_dot [D, 2, K] from the sums [3, D, K] of M values per channel.
template <class T>
struct MomentsTangent {
  static constexpr int kThreads = 128;
  std::int64_t D, K;
  double M;
  const double* sums;
  T* moments_dot;

  std::int64_t blocks() const { return blocks_for(D * K, kThreads); }
  void operands(Operands& o) const {
    o.reads(sums, 3 * D * K);
    o.writes(moments_dot, 2 * D * K);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i >= D * K)
      return;
    T* const dot = moments_dot + i / K * 2 * K + i % K;
    dot[0] = static_cast<T>(sums[i] / M);
    dot[K] = static_cast<T>(2.0 * sums[2 * D * K + i] / M);
  }
};

/// acc[d] += sum over channels of var_bar times the second derivative of the variance, 2/M (sum z'^2 - (sum z')^2 / M).
template <class T>
struct MomentsBend {
  static constexpr int kThreads = 128;
  std::int64_t D, K;
  double M;
  const double* sums;    ///< [3, D, K]
  const T* moments_bar;  ///< [2, K]
  double* acc;

  std::int64_t blocks() const { return D; }
  void operands(Operands& o) const {
    o.reads(sums, 3 * D * K);
    o.reads(moments_bar, 2 * K);
    o.writes(acc, D);
  }
  __device__ void operator()(std::int64_t d) const {
    double total = 0.0;
    for (std::int64_t k = threadIdx.x; k < K; k += kThreads) {
      const double sum = sums[d * K + k], squares = sums[(D + d) * K + k];
      total += static_cast<double>(moments_bar[K + k]) * 2.0 / M * (squares - sum * sum / M);
    }
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      acc[d] += total;
  }
};

}  // namespace ockham::cuda
