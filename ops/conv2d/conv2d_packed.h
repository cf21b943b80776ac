#pragma once
// Convolutions as products of bfloat16 numbers with float32 sums (engine/gemm_bf16.h): the filters are rounded and
// packed once, maps are rounded as the products read them. For pointwise and dense convolutions; the depthwise kernel
// makes no matrix product.
#include <vector>

#include "engine/gemm_bf16.h"
#include "ops/conv2d/conv2d_kernels.h"

namespace ockham::cpu {

class PackedFilters {
 public:
  /// Lives in `scratch`. @param is_for_gradient  also packs what input_gradient() needs
  PackedFilters(const Conv2dSize& size, const float* w, bool is_for_gradient, ScratchScope& scratch);

  /// y = beta y + conv(x, w) for size.N samples
  void forward(const Conv2dSize& size, const float* x, float beta, float* y) const;
  /// x_bar = beta x_bar + the adjoint of x -> conv(x, w) at y_bar
  void input_gradient(const Conv2dSize& size, const float* y_bar, float beta, float* x_bar) const;

 private:
  std::span<const PackedMatrix> groups_;      ///< per group [K/groups, C/groups taps]
  std::span<const PackedMatrix> transposed_;  ///< per phase of x_bar and group [C/groups, K/groups taps of the phase]
};

}  // namespace ockham::cpu
