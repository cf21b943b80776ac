#pragma once
// The smallest complete op, to read and to copy: y = x * x. "Add an op" in ops/README.md walks through it.
#include "autograd/tape.h"

namespace ockham {

/// The square of each element.
/// @param x any shape, float32 | float64
/// @return  same shape and dtype
/// @throws DTypeError for other dtypes
/// Saves x. Class: elementwise, curved.
Variable square(const Variable& x);

}  // namespace ockham
