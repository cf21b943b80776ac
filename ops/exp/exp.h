#pragma once
#include "autograd/tape.h"

namespace ockham {

/// e^x, elementwise. Class: curved.
/// @param x any shape, float32 | float64; the result has the same
/// @throws DTypeError for another dtype
Variable exp(const Variable& x);

}  // namespace ockham
