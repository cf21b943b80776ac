#pragma once
// What the convolution kernels read: sizes, and maps whose elements are made on the way in. A map is
//   Channel channel(d, c)             what all elements of channel c of direction d share
//   Value value(channel, at, c, p)    element p of channel c of a sample
//   operands(o, D)                    the memory behind D directions of it
// so that no kernel stores what another would read back: a norm, a relu, or what the moments of a map add to its
// cotangent. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/block.h"
#include "engine/cuda/task.h"
#include "ops/conv2d/conv2d_kernels.h"

namespace ockham::cuda {

/// Sizes of a convolution of D times N samples (conv2d_kernels.h), each below 2^31.
struct ConvSize {
  int D, N, C, H, W;
  int K, R, S;
  int P, Q;
  int stride, pad, dilation, groups;

  __host__ __device__ int group_inputs() const { return C / groups; }
  __host__ __device__ int group_outputs() const { return K / groups; }
  __host__ __device__ int taps() const { return R * S; }
  __host__ __device__ std::int64_t x_plane() const { return static_cast<std::int64_t>(H) * W; }
  __host__ __device__ std::int64_t y_plane() const { return static_cast<std::int64_t>(P) * Q; }
  __host__ __device__ std::int64_t x_sample() const { return C * x_plane(); }
  __host__ __device__ std::int64_t y_sample() const { return K * y_plane(); }
  __host__ __device__ std::int64_t w_numel() const { return static_cast<std::int64_t>(K) * group_inputs() * taps(); }
  __host__ __device__ std::int64_t samples() const { return static_cast<std::int64_t>(D) * N; }
};

/// @throws Error if a size is 2^31 or more
ConvSize conv_size(const cpu::Conv2dSize& size, std::int64_t D);

/// One of the D*N samples of a kernel's maps.
struct SampleAt {
  std::int64_t of_all;  ///< d N + n
  int n;                ///< within its direction

  __device__ SampleAt(int N, int d, int n_) : of_all(static_cast<std::int64_t>(d) * N + n_), n(n_) {}
  __device__ SampleAt(int N, std::int64_t of_all_) : of_all(of_all_), n(static_cast<int>(of_all_ % N)) {}
};

/// relu(s x + b), each part of it if it is there.
template <class T, class S = T>
struct LoadedMap {
  using Value = T;
  struct Channel {
    T s, b;
  };
  const S* x;       ///< [N, C, plane]; where it moves [D*N, C, plane]
  const T* affine;  ///< [2, C]; null: s = 1, b = 0
  bool rectifies;
  bool moves;  ///< has samples of its own for each direction
  int N, C;
  std::int64_t plane;

  __device__ Channel channel(int, int c) const { return {affine ? affine[c] : T(1), affine ? affine[C + c] : T(0)}; }
  __device__ T stored(const SampleAt& at, int c, std::int64_t p) const {
    return load(x, ((moves ? at.of_all : at.n) * C + c) * plane + p);
  }
  __device__ T loaded(const Channel& channel, T x_value) const {
    const T value = multiply_add(channel.s, x_value, channel.b);
    return rectifies && value < T(0) ? T(0) : value;
  }
  __device__ T value(const Channel& channel, const SampleAt& at, int c, std::int64_t p) const {
    return loaded(channel, stored(at, c, p));
  }
  /// What relu lets through of a change of the value that was made of x.
  __device__ T masked(const Channel& channel, T x_value, T change) const {
    return !rectifies || multiply_add(channel.s, x_value, channel.b) > T(0) ? change : T(0);
  }
  void operands(Operands& o, int D) const {
    o.reads(x, (moves ? D : 1) * static_cast<std::int64_t>(N) * C * plane);
    o.reads(affine, 2 * static_cast<std::int64_t>(C));
  }
};

/// The tangent of a LoadedMap: mask (s x_dot + s_dot x + b_dot); or half of its second derivative, mask s_dot x_dot.
template <class T>
struct LoadedTangent {
  using Value = T;
  struct Channel {
    typename LoadedMap<T>::Channel at;
    T s_dot, b_dot;
  };
  LoadedMap<T> map;
  const T* x_dot;       ///< [D*N, C, plane] or null: zero
  const T* affine_dot;  ///< [D, 2, C] or null: zero
  bool bends = false;   ///< the second derivative

  __device__ Channel channel(int d, int c) const {
    const T* const dot = affine_dot ? affine_dot + 2LL * d * map.C : nullptr;
    return {map.channel(d, c), dot ? dot[c] : T(0), dot ? dot[map.C + c] : T(0)};
  }
  __device__ T value(const Channel& channel, const SampleAt& at, int c, std::int64_t p) const {
    const T x = map.stored(at, c, p);
    const T moved = x_dot ? x_dot[(at.of_all * map.C + c) * map.plane + p] : T(0);
    const T change = bends ? channel.s_dot * moved : channel.at.s * moved + (channel.s_dot * x + channel.b_dot);
    return map.masked(channel.at, x, change);
  }
  void operands(Operands& o, int D) const {
    map.operands(o, D);
    o.reads(x_dot, x_dot ? static_cast<std::int64_t>(D) * map.N * map.C * map.plane : 0);
    o.reads(affine_dot, affine_dot ? 2LL * D * map.C : 0);
  }
};

/// The whole cotangent of z [N, C, plane]: z_bar times a factor per channel and, from the cotangent of its moments,
/// mean_bar/M + 2 var_bar (z - mean)/M.
template <class T, class S = T>
struct CotangentMap {
  using Value = T;
  struct Channel {
    T factor, constant, slope;
  };
  const T* z_bar;        ///< [D*N, C, plane] or null: zero
  const T* factor;       ///< [C] or null: 1
  const S* z;            ///< of the point
  const T* moments;      ///< [2, C]
  const T* moments_bar;  ///< [D, 2, C] or null: zero
  int N, C;
  std::int64_t plane;

  __device__ Channel channel(int d, int c) const {
    Channel result{factor ? factor[c] : T(1), T(0), T(0)};
    if (moments_bar) {
      const double M = static_cast<double>(N) * static_cast<double>(plane);
      const double slope = 2.0 * static_cast<double>(moments_bar[(2LL * d + 1) * C + c]) / M;
      result.slope = static_cast<T>(slope);
      result.constant = static_cast<T>(static_cast<double>(moments_bar[2LL * d * C + c]) / M -
                                       slope * static_cast<double>(moments[c]));
    }
    return result;
  }
  __device__ T value(const Channel& channel, const SampleAt& at, int c, std::int64_t p) const {
    T value = z_bar ? channel.factor * z_bar[(at.of_all * C + c) * plane + p] : T(0);
    if (moments_bar)
      value += multiply_add(channel.slope, T(load(z, (static_cast<std::int64_t>(at.n) * C + c) * plane + p)),
                            channel.constant);
    return value;
  }
  void operands(Operands& o, int D) const {
    const std::int64_t numel = static_cast<std::int64_t>(N) * C * plane;
    o.reads(z_bar, z_bar ? D * numel : 0);
    o.reads(factor, factor ? C : 0);
    if (moments_bar == nullptr)
      return;
    o.reads(z, numel);
    o.reads(moments, 2LL * C);
    o.reads(moments_bar, 2LL * D * C);
  }
};

}  // namespace ockham::cuda
