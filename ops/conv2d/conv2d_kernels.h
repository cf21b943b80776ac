#pragma once
// What a convolution kernel is: sizes in, plain row-major arrays in and out. conv2d.cpp lists the kernels, fastest
// first; the first that fits a convolution's sizes runs it.
#include <cstdint>
#include <span>
#include <string_view>

#include "ops/conv2d/conv2d.h"

namespace ockham::cpu {

/// x [N, C, H, W], w [K, C/groups, R, S], y [N, K, P, Q]; all but N at least 1 (conv2d.h has the formula).
struct Conv2dSize {
  std::int64_t N, C, H, W;
  std::int64_t K, R, S;
  std::int64_t P, Q;
  std::int64_t stride, pad, dilation, groups;

  std::int64_t group_inputs() const { return C / groups; }
  std::int64_t group_outputs() const { return K / groups; }
  std::int64_t taps() const { return R * S; }
  std::int64_t x_sample() const { return C * H * W; }
  std::int64_t y_sample() const { return K * P * Q; }
  std::int64_t w_numel() const { return K * group_inputs() * taps(); }
};

/// What the forms of a convolution differ by; code that treats some apart asks for it.
enum class Conv2dForm {
  kPointwise,  ///< 1x1, no padding, one group: a matrix product per sample
  kDepthwise,  ///< one input and one output channel per group: planes, no matrix product
  kDense,      ///< any other: a matrix product over taps of zero-padded planes, per sample and group
};

/// beta is 0 (overwrite, whatever is there) or 1 (add).
template <class T>
struct Conv2dKernel {
  Conv2dForm form;
  std::string_view name;   ///< for people to read
  std::string_view takes;  ///< what fits, in words
  bool (*fits)(const Conv2dSize&);
  /// y = beta y + conv(x, w)
  void (*forward)(const Conv2dSize&, const T* x, const T* w, T beta, T* y);
  /// x_bar = beta x_bar + the adjoint of x -> conv(x, w) at y_bar
  void (*input_gradient)(const Conv2dSize&, const T* y_bar, const T* w, T beta, T* x_bar);
  /// w_bar = beta w_bar + the adjoint of w -> conv(x, w) at y_bar, summed over samples
  void (*weight_gradient)(const Conv2dSize&, const T* x, const T* y_bar, T beta, T* w_bar);
  /// h [like w] += the sum over samples and D cotangents y_bar [D, N, K, P, Q] of the squared gradient of each sample
  void (*weight_squares)(const Conv2dSize&, std::int64_t D, const T* x, const T* y_bar, double* h);
  bool is_for_batches = false;  ///< prepares the filters in every call: give it all samples at once
};

/// 1x1, no padding, one group: a matrix product per sample.
template <class T>
Conv2dKernel<T> pointwise_kernel();
/// One input and one output channel per group: planes, no matrix product.
template <class T>
Conv2dKernel<T> depthwise_kernel();
/// 3x3 and 5x5 by Winograd's minimal filtering (conv2d_winograd.h); fits where it is the faster one.
template <class T>
Conv2dKernel<T> winograd_kernel();
/// Any convolution: a matrix product over taps of zero-padded planes, per sample and group.
template <class T>
Conv2dKernel<T> dense_kernel();

/// All kernels, fastest first; the last fits everything.
template <class T>
std::span<const Conv2dKernel<T>> conv2d_kernels();
/// The first that fits.
template <class T>
const Conv2dKernel<T>& conv2d_kernel(const Conv2dSize& size);

Conv2dSize conv2d_size(const Conv2dAttrs& attrs, const Shape& x, const Shape& w);

}  // namespace ockham::cpu
