#pragma once
#include "autograd/tape.h"

namespace ockham {

/// Natural logarithm, elementwise; as IEEE has it, -inf at 0 and NaN below. Class: curved.
/// @param x any shape, float32 | float64; the result has the same
/// @throws DTypeError for another dtype
Variable log(const Variable& x);

}  // namespace ockham
