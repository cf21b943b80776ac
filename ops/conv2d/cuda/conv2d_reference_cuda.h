#pragma once
// Convolutions by their definition, one thread an output, sums in double: for any sizes, and what the other kernels are
// compared with (OCKHAM_CUDA_REFERENCE=1 runs everything by them). For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/launch.h"
#include "ops/conv2d/cuda/conv2d_maps_cuda.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"

namespace ockham::cuda {

/// y = (adds ? y : 0) + conv(x, w)
template <class Source, class To>
struct ReferenceForward {
  static constexpr int kBlocksAtOnce = 2;  // more would spill registers
  using T = typename Source::Value;
  static constexpr int kThreads = 256;
  ConvSize s;
  Source x;
  const T* w;
  bool w_moves, adds;
  To* y;

  std::int64_t numel() const { return s.samples() * s.y_sample(); }
  std::int64_t blocks() const { return blocks_for(numel(), kThreads); }
  void operands(Operands& o) const {
    x.operands(o, s.D);
    o.reads(w, (w_moves ? s.D : 1) * s.w_numel());
    o.writes(y, numel());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i >= s.samples() * s.y_sample())
      return;
    const int q = static_cast<int>(i % s.Q), p = static_cast<int>(i / s.Q % s.P);
    const int k = static_cast<int>(i / s.y_plane() % s.K);
    const std::int64_t at = i / s.y_sample();
    const int d = static_cast<int>(at / s.N), first = k / s.group_outputs() * s.group_inputs();
    const T* weight = w + (w_moves ? d * s.w_numel() : 0) + static_cast<std::int64_t>(k) * s.group_inputs() * s.taps();
    double sum = adds ? static_cast<double>(load(y, i)) : 0.0;
    for (int c = first; c < first + s.group_inputs(); ++c) {
      const auto channel = x.channel(d, c);
      for (int t = 0; t < s.taps(); ++t, ++weight) {
        const int h = p * s.stride + t / s.S * s.dilation - s.pad, v = q * s.stride + t % s.S * s.dilation - s.pad;
        if (h >= 0 && h < s.H && v >= 0 && v < s.W)
          sum += static_cast<double>(*weight) *
                 static_cast<double>(x.value(channel, SampleAt(s.N, at), c, static_cast<std::int64_t>(h) * s.W + v));
      }
    }
    store(y, i, static_cast<T>(sum));
  }
};

/// x_bar = (adds ? x_bar : 0) + the adjoint of x -> conv(x, w) at y_bar
template <class Cotangent>
struct ReferenceInputGradient {
  using T = typename Cotangent::Value;
  static constexpr int kThreads = 256;
  ConvSize s;
  Cotangent y_bar;
  const T* w;
  bool adds;
  T* x_bar;

  std::int64_t numel() const { return s.samples() * s.x_sample(); }
  std::int64_t blocks() const { return blocks_for(numel(), kThreads); }
  void operands(Operands& o) const {
    y_bar.operands(o, s.D);
    o.reads(w, s.w_numel());
    o.writes(x_bar, numel());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i >= s.samples() * s.x_sample())
      return;
    const int v = static_cast<int>(i % s.W), h = static_cast<int>(i / s.W % s.H);
    const int c = static_cast<int>(i / s.x_plane() % s.C);
    const std::int64_t at = i / s.x_sample();
    const int d = static_cast<int>(at / s.N), first = c / s.group_inputs() * s.group_outputs();
    double sum = adds ? static_cast<double>(x_bar[i]) : 0.0;
    for (int k = first; k < first + s.group_outputs(); ++k) {
      const auto channel = y_bar.channel(d, k);
      const T* const weight = w + (static_cast<std::int64_t>(k) * s.group_inputs() + c % s.group_inputs()) * s.taps();
      for (int t = 0; t < s.taps(); ++t) {
        const int p = h + s.pad - t / s.S * s.dilation, q = v + s.pad - t % s.S * s.dilation;
        if (p >= 0 && q >= 0 && p % s.stride == 0 && q % s.stride == 0 && p / s.stride < s.P && q / s.stride < s.Q)
          sum += static_cast<double>(weight[t]) *
                 static_cast<double>(y_bar.value(channel, SampleAt(s.N, at), k,
                                                 static_cast<std::int64_t>(p / s.stride) * s.Q + q / s.stride));
      }
    }
    x_bar[i] = static_cast<T>(sum);
  }
};

/// The gradient of one weight, number i of w, for sample `at`, in double.
template <class Source, class Cotangent>
__device__ double weight_gradient_of(const ConvSize& s, const Source& x, const Cotangent& y_bar, std::int64_t at,
                                     std::int64_t i) {
  const int t = static_cast<int>(i % s.taps()), c = static_cast<int>(i / s.taps() % s.group_inputs());
  const int k = static_cast<int>(i / s.taps() / s.group_inputs()), d = static_cast<int>(at / s.N);
  const int from = k / s.group_outputs() * s.group_inputs() + c;
  const auto x_channel = x.channel(d, from);
  const auto y_channel = y_bar.channel(d, k);
  const SampleAt sample(s.N, at);
  double sum = 0.0;
  for (int p = 0; p < s.P; ++p) {
    const int h = p * s.stride + t / s.S * s.dilation - s.pad;
    for (int q = 0; h >= 0 && h < s.H && q < s.Q; ++q) {
      const int v = q * s.stride + t % s.S * s.dilation - s.pad;
      if (v >= 0 && v < s.W)
        sum += static_cast<double>(x.value(x_channel, sample, from, static_cast<std::int64_t>(h) * s.W + v)) *
               static_cast<double>(y_bar.value(y_channel, sample, k, static_cast<std::int64_t>(p) * s.Q + q));
    }
  }
  return sum;
}

/// parts [count, D, w]: the gradients over pieces of `per_part` samples.
template <class Source, class Cotangent>
struct ReferenceWeightGradient {
  static constexpr int kThreads = 128;
  ConvSize s;
  Source x;
  Cotangent y_bar;
  std::int64_t per_part;
  double* parts;

  std::int64_t count() const { return blocks_for(s.N, per_part); }
  std::int64_t blocks() const { return blocks_for(count() * s.D * s.w_numel(), kThreads); }
  void operands(Operands& o) const {
    x.operands(o, s.D);
    y_bar.operands(o, s.D);
    o.writes(parts, count() * s.D * s.w_numel());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x, numel = s.w_numel();
    const std::int64_t part = i / (s.D * numel), d = i / numel % s.D;
    double sum = 0.0;
    for (std::int64_t n = part * per_part; n < (part + 1) * per_part && n < s.N; ++n)
      sum += weight_gradient_of(s, x, y_bar, d * s.N + n, i % numel);
    if (part * per_part < s.N)
      parts[i] = sum;
  }
};

/// parts [count, w]: the squared gradients of each sample, over pieces of `per_part` of the D*N.
template <class Source, class Cotangent>
struct ReferenceWeightSquares {
  static constexpr int kThreads = 128;
  ConvSize s;
  Source x;
  Cotangent y_bar;
  std::int64_t per_part;
  double* parts;

  std::int64_t count() const { return blocks_for(s.samples(), per_part); }
  std::int64_t blocks() const { return blocks_for(count() * s.w_numel(), kThreads); }
  void operands(Operands& o) const {
    x.operands(o, s.D);
    y_bar.operands(o, s.D);
    o.writes(parts, count() * s.w_numel());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x, first = i / s.w_numel() * per_part;
    double sum = 0.0;
    for (std::int64_t at = first; at < first + per_part && at < s.samples(); ++at) {
      const double gradient = weight_gradient_of(s, x, y_bar, at, i % s.w_numel());
      sum += gradient * gradient;
    }
    if (first < s.samples())
      parts[i] = sum;
  }
};

/// The adjoint of a load at r_bar [D*N, C, plane]: x_bar = (adds ? x_bar : 0) + s mask r_bar, where it is wanted, and
/// parts [N, D, 2, C], the sums over a plane of mask r_bar x and of mask r_bar.
template <class T, class S>
struct ReferenceLoadTranspose {
  static constexpr int kThreads = 128;
  int D;
  LoadedMap<T, S> x;
  const T* r_bar;
  bool adds;
  T* x_bar;       ///< null: not wanted
  double* parts;  ///< null: not wanted

  std::int64_t planes() const { return static_cast<std::int64_t>(D) * x.N * x.C; }
  std::int64_t blocks() const { return planes(); }
  void operands(Operands& o) const {
    x.operands(o, D);
    o.reads(r_bar, planes() * x.plane);
    o.writes(x_bar, planes() * x.plane);
    o.writes(parts, 2 * planes());
  }
  __device__ void operator()(std::int64_t block) const {
    const int c = static_cast<int>(block % x.C);
    const std::int64_t at = block / x.C, d = at / x.N;
    const auto channel = x.channel(static_cast<int>(d), c);
    double s_bar = 0.0, b_bar = 0.0;
    for (std::int64_t p = threadIdx.x; p < x.plane; p += kThreads) {
      const std::int64_t i = block * x.plane + p;
      const T stored = x.stored(SampleAt(x.N, at), c, p), bar = x.masked(channel, stored, r_bar[i]);
      if (x_bar)
        x_bar[i] = (adds ? x_bar[i] : T(0)) + channel.s * bar;
      s_bar += static_cast<double>(bar) * static_cast<double>(stored);
      b_bar += static_cast<double>(bar);
    }
    if (parts == nullptr)
      return;
    s_bar = block_sum<kThreads>(s_bar);
    b_bar = block_sum<kThreads>(b_bar);
    if (threadIdx.x == 0) {
      double* const part = parts + ((at % x.N) * D + d) * 2 * x.C;
      part[c] = s_bar;
      part[x.C + c] = b_bar;
    }
  }
};

/// Moments of each plane of y [N, K, plane]: parts [N, K].
template <class S>
struct ReferenceMoments {
  static constexpr int kThreads = 128;
  std::int64_t planes, length;
  const S* y;
  MomentsPart* parts;

  std::int64_t blocks() const { return planes; }
  void operands(Operands& o) const {
    o.reads(y, planes * length);
    o.writes(parts, planes);
  }
  __device__ void operator()(std::int64_t plane) const {
    const auto value = [&](std::int64_t i) { return static_cast<double>(load(y, plane * length + i)); };
    double sum = 0.0;
    for (std::int64_t i = threadIdx.x; i < length; i += kThreads)
      sum += value(i);
    const double mean = block_sum<kThreads>(sum) / static_cast<double>(length);
    double squares = 0.0;
    for (std::int64_t i = threadIdx.x; i < length; i += kThreads)
      squares += (value(i) - mean) * (value(i) - mean);
    squares = block_sum<kThreads>(squares);
    if (threadIdx.x == 0)
      parts[plane] = {static_cast<double>(length), mean, squares};
  }
};

}  // namespace ockham::cuda
