#pragma once
#include "autograd/tape.h"

namespace ockham {

/// Hyperbolic tangent, elementwise. Class: curved.
/// @param x any shape, float32 | float64; the result has the same
/// @throws DTypeError for another dtype
Variable tanh(const Variable& x);

}  // namespace ockham
