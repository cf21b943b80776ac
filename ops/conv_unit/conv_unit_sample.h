#pragma once
// One sample of a conv_unit, stage by stage, in tiles of scratch memory: r (loaded), q (convolved), z.
#include <new>
#include <type_traits>

#include "engine/arena.h"
#include "engine/gemm.h"
#include "ops/conv2d/conv2d_kernels.h"
#include "ops/conv2d/conv2d_packed.h"
#include "ops/conv_unit/conv_unit_kernels.h"
#include "ops/moments/moments_kernels.h"
#include "ops/sample_reader.h"

namespace ockham::cpu {

template <class T>
struct UnitSample {
  Conv2dSize conv;   ///< of one sample: N = 1
  Conv2dSize point;  ///< of one sample; unused without w_pointwise
  bool rectifies;
  SampleReader<T> x;     ///< [N, C, H, W]
  const T* affine;       ///< [2, C] or null
  const T* w;            ///< [K1, C/groups, R, S]
  const T* w_pointwise;  ///< [K, K1] or null
  /// Of w and w_pointwise, for products of bfloat16; null: products in T.
  const PackedFilters* packed = nullptr;
  const PackedFilters* packed_pointwise = nullptr;

  std::int64_t plane() const { return conv.H * conv.W; }
  std::int64_t q_numel() const { return conv.y_sample(); }
  std::int64_t z_numel() const { return w_pointwise ? point.y_sample() : q_numel(); }
  std::int64_t z_channels() const { return w_pointwise ? point.K : conv.K; }
  std::int64_t z_plane() const { return conv.P * conv.Q; }
  bool loads() const { return affine != nullptr || rectifies; }
  T scale(std::int64_t c) const { return affine ? affine[c] : T(1); }
  T shift(std::int64_t c) const { return affine ? affine[conv.C + c] : T(0); }
  const T* x_of(std::int64_t n) const { return x.of(n); }
  /// For calls of N samples.
  const Conv2dKernel<T>& conv_kernel(std::int64_t N = 1) const {
    Conv2dSize size = conv;
    size.N = N;
    return conv2d_kernel<T>(size);
  }
  const Conv2dKernel<T>& point_kernel() const { return conv2d_kernel<T>(point); }

  /// For narrow maps, packs the weights of all but depthwise convolutions into `scratch`.
  void pack(bool is_for_gradient, ScratchScope& scratch) {
    if constexpr (std::is_same_v<T, float>) {
      if (!x.is_narrow())
        return;
      const auto packed_of = [&](const Conv2dSize& size, const T* weights) {
        return new (scratch.take<PackedFilters>(1)) PackedFilters(size, weights, is_for_gradient, scratch);
      };
      if (conv_kernel().form != Conv2dForm::kDepthwise)
        packed = packed_of(conv, w);
      if (w_pointwise)
        packed_pointwise = packed_of(point, w_pointwise);
    }
  }

  /// y = the first convolution of N samples of r.
  void convolve(std::int64_t N, const T* r, T* y) const {
    Conv2dSize size = conv;
    size.N = N;
    if constexpr (std::is_same_v<T, float>) {
      if (packed)
        return packed->forward(size, r, 0.0f, y);
    }
    conv_kernel(N).forward(size, r, w, T(0), y);
  }
  /// r_bar = beta r_bar + its adjoint at N samples of q_bar.
  void transpose_convolution(std::int64_t N, const T* q_bar, T beta, T* r_bar) const {
    Conv2dSize size = conv;
    size.N = N;
    if constexpr (std::is_same_v<T, float>) {
      if (packed)
        return packed->input_gradient(size, q_bar, beta, r_bar);
    }
    conv_kernel(N).input_gradient(size, q_bar, w, beta, r_bar);
  }

  /// r of sample n: in `tile`, or x itself where nothing happens to it.
  const T* load(std::int64_t n, T* tile) const {
    if (!loads())
      return x_of(n);
    for (std::int64_t c = 0; c < conv.C; ++c)
      load_rows(1, plane(), scale(c), shift(c), rectifies, x_of(n) + c * plane(), tile + c * plane(), plane());
    return tile;
  }

  /// planes [N, channels of z]: those of sample n; null: not wanted.
  void take_moments(std::int64_t n, const T* z, PlaneMoments* planes) const {
    for (std::int64_t k = 0; planes != nullptr && k < z_channels(); ++k)
      planes[n * z_channels() + k] = moments_of_plane(z_plane(), z + k * z_plane());
  }

  /// The cotangent of q: in `tile`, or z_bar itself.
  const T* transpose_point(const T* z_bar, T* tile) const {
    if (!w_pointwise)
      return z_bar;
    if constexpr (std::is_same_v<T, float>) {
      if (packed_pointwise) {
        packed_pointwise->input_gradient(point, z_bar, 0.0f, tile);
        return tile;
      }
    }
    gemm(true, false, conv.K, z_plane(), point.K, w_pointwise, conv.K, z_bar, z_plane(), T(0), tile, z_plane());
    return tile;
  }

  /// z = beta z + the 1x1 convolution of q with `weights` [K, K1].
  void apply_point(const T* weights, const T* q, T beta, T* z) const {
    gemm(false, false, point.K, z_plane(), conv.K, weights, conv.K, q, z_plane(), beta, z, z_plane());
  }
  /// z = the second convolution of q.
  void convolve_point(const T* q, T* z) const {
    if constexpr (std::is_same_v<T, float>) {
      if (packed_pointwise)
        return packed_pointwise->forward(point, q, 0.0f, z);
    }
    apply_point(w_pointwise, q, T(0), z);
  }
  /// w_bar += z_bar q^T
  void point_weight_gradient(const T* q, const T* z_bar, T* w_bar) const {
    gemm(false, true, point.K, conv.K, z_plane(), z_bar, z_plane(), q, z_plane(), T(1), w_bar, conv.K);
  }

  /// x_bar = beta x_bar + the adjoint of the load at r_bar; sums [C] of each channel. Both may be null.
  void transpose_load(std::int64_t n, const T* r_bar, T beta, T* x_bar, LoadSums* sums) const {
    for (std::int64_t c = 0; c < conv.C; ++c) {
      const std::int64_t at = c * plane();
      load_transpose(plane(), scale(c), shift(c), rectifies, x_of(n) + at, r_bar + at, beta,
                     x_bar ? x_bar + at : nullptr, sums ? sums + c : nullptr);
    }
  }
};

}  // namespace ockham::cpu
