#pragma once
// Inner products of D maps with one, what curvature() of the convolutions ends in. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "engine/tensor.h"
#include "ops/conv2d/cuda/conv2d_maps_cuda.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"

namespace ockham::cuda {

/// parts [pieces, D]: the sums over pieces of <x_d, bar>, bar [N, C, plane].
template <class Source>
struct DirectionDots {
  using T = typename Source::Value;
  static constexpr int kThreads = 256;
  static constexpr std::int64_t kPiece = 16 * kThreads;
  std::int64_t D, N, C, plane;
  Source x;
  const T* bar;
  double* parts;

  std::int64_t length() const { return N * C * plane; }
  std::int64_t pieces() const { return blocks_for(length(), kPiece); }
  std::int64_t blocks() const { return D * pieces(); }
  void operands(Operands& o) const {
    x.operands(o, static_cast<int>(D));
    o.reads(bar, length());
    o.writes(parts, blocks());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t d = block % D, piece = block / D, numel = N * C * plane;
    double sum = 0.0;
    for (std::int64_t i = piece * kPiece + threadIdx.x; i < (piece + 1) * kPiece && i < numel; i += kThreads) {
      const int c = static_cast<int>(i / plane % C);
      const auto channel = x.channel(static_cast<int>(d), c);
      sum +=
          static_cast<double>(bar[i]) *
          static_cast<double>(x.value(channel, SampleAt(static_cast<int>(N), d * N + i / (C * plane)), c, i % plane));
    }
    sum = block_sum<kThreads>(sum);
    if (threadIdx.x == 0)
      parts[block] = sum;
  }
};

/// acc [D], float64 on the device, += factor <x_d, bar>.
template <class Source>
void add_dots(std::int64_t N, std::int64_t C, std::int64_t plane, const Source& x, const typename Source::Value* bar,
              double factor, Tensor& acc) {
  const std::int64_t D = acc.numel();
  DirectionDots<Source> dots{D, N, C, plane, x, bar, nullptr};
  Tensor parts({dots.pieces(), D}, DType::kFloat64, acc.device());
  dots.parts = parts.device_data<double>();
  launch(dots);
  sum_of_parts(dots.pieces(), D, dots.parts, true, acc.device_data<double>(), factor);
}

}  // namespace ockham::cuda
