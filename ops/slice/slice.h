#pragma once
#include <cstdint>

#include "autograd/tape.h"

namespace ockham {

/// Rows [begin, end) of dimension `dim`, as a copy.
/// @param x float32 | float64, rank > dim
/// @throws ShapeError unless 0 <= begin < end <= x.shape()[dim], DTypeError
/// Saves nothing. Class: linear.
Variable slice(const Variable& x, int dim, std::int64_t begin, std::int64_t end);

}  // namespace ockham
