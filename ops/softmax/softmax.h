#pragma once
#include "autograd/tape.h"

namespace ockham {

/// exp(x_i) / sum_j exp(x_j) over the last dimension, whatever the size of x. Class: curved.
/// @param x [..., C], rank >= 1, C >= 1, float32 | float64; the result has the same shape
/// @throws ShapeError for a scalar or C = 0; DTypeError
Variable softmax(const Variable& x);

}  // namespace ockham
