#pragma once
#include "autograd/tape.h"

namespace ockham {

/// y_i = a_i * b_i, elementwise.
/// @param a, b float32 | float64, of one shape and dtype (nothing is broadcast; see scale for a factor)
/// @throws ShapeError, DTypeError
/// Saves a and b. Class: bilinear.
Variable mul(const Variable& a, const Variable& b);

}  // namespace ockham
