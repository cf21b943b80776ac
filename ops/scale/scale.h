#pragma once
#include "autograd/tape.h"

namespace ockham {

/// y = s * x with a trainable factor, e.g. the switch of an edge.
/// @param x any shape, float32 | float64; dimension 0 is the sample
/// @param s [] or [1], same dtype
/// @throws ShapeError if s has more than one element or rank, DTypeError
/// Saves x and s. Class: bilinear. Has weight_diagonal, sum_{d,n} <y_bar_dn, x_n>^2, and the recursion for s,
/// h_s = sum_i x_i^2 h_i.
Variable scale(const Variable& x, const Variable& s);

/// y = factor * x with a fixed factor. Saves nothing. Class: linear.
Variable scale(const Variable& x, double factor);

}  // namespace ockham
