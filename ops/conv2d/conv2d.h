#pragma once
#include <cstdint>

#include "autograd/tape.h"

namespace ockham {

/// The same along both axes.
struct Conv2dAttrs {
  std::int64_t stride = 1;
  std::int64_t pad = 0;  ///< zeros on each side
  std::int64_t dilation = 1;
  std::int64_t groups = 1;
};

/// Float32 convolutions by sums as written, and none by Winograd's minimal filtering, which takes a half to a third of
/// the time and gives about a digit less. For the process; false at first. Float64 is always by sums as written.
void set_precise_convolutions(bool is_precise);
bool precise_convolutions();

/// 2-D cross-correlation with groups, stride, zero padding and dilation:
///   y[n, k, i, j] = sum over c, r, s of w[k, c, r, s] * x[n, g C/groups + c, i stride + r dilation - pad, ...],
/// where filter k belongs to group g = k / (K/groups) and x is zero outside its plane.
/// @param x [N, C, H, W]  float32 | float64
/// @param w [K, C/groups, R, S]  same dtype as x
/// @return  [N, K, P, Q], P = (H + 2 pad - dilation (R - 1) - 1) / stride + 1
/// @throws ShapeError if C or K is not divisible by groups, w does not fit x, or P or Q would be less than 1
/// Saves x and w. Class: bilinear. Has weight_diagonal, sum_{d,n} (Y_dn X_n^T)^2 elementwise with X_n the taps of
/// sample n as columns [C/groups R S, P Q], and the recursion for x and w. Scratch memory: a padded copy of one sample
/// per thread; a few samples for the gradient of w. Dumoulin and Visin 2016, arXiv:1603.07285.
Variable conv2d(const Variable& x, const Variable& w, const Conv2dAttrs& attrs = {});

}  // namespace ockham
