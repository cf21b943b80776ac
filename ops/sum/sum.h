#pragma once
#include "autograd/tape.h"

namespace ockham {

/// The sum of all elements, accumulated in double.
/// @param x float32 | float64, at least one element
/// @return  a scalar [] of the same dtype
/// @throws ShapeError for no elements, DTypeError
/// Saves nothing. Class: linear; couples samples.
Variable sum(const Variable& x);

}  // namespace ockham
