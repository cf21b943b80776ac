#pragma once
#include "autograd/tape.h"

namespace ockham {

/// 1 / (1 + exp(-x)), elementwise. Class: curved.
/// @param x any shape, float32 | float64; the result has the same
/// @throws DTypeError for another dtype
Variable sigmoid(const Variable& x);

}  // namespace ockham
