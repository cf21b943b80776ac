#pragma once
#include "autograd/tape.h"

namespace ockham {

/// max(x, 0), elementwise. The slope at 0 is 0, in every pass. Class: linear in its piece.
/// @param x any shape, float32 | float64; the result has the same
/// @throws DTypeError for another dtype
/// Nair and Hinton 2010.
Variable relu(const Variable& x);

}  // namespace ockham
