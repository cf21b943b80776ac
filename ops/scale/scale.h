#pragma once
#include "autograd/tape.h"

namespace ockham {

/// y = s * x with a trainable factor, e.g. the switch of an edge.
/// @param x any shape, float32 | float64; dimension 0 is the sample
/// @param s [] or [1], same dtype
/// @throws ShapeError if s has more than one element or rank, DTypeError
/// Saves x and s. Class: bilinear. Has weight_diagonal and the recursion (bayesnas.md 3.2) for s.
Variable scale(const Variable& x, const Variable& s);

/// y = factor * x with a fixed factor. Saves nothing. Class: linear.
Variable scale(const Variable& x, double factor);

}  // namespace ockham
