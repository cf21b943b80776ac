#pragma once
#include "autograd/tape.h"

namespace ockham {

/// The same elements in row-major order under another shape, as a copy.
/// @param x float32 | float64, rank >= 1
/// @param shape as many elements, same dimension 0, so that samples stay samples
/// @throws ShapeError, DTypeError
/// Saves nothing. Class: linear.
Variable reshape(const Variable& x, const Shape& shape);

}  // namespace ockham
