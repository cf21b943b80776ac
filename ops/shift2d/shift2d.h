#pragma once
#include <cstdint>

#include "autograd/tape.h"

namespace ockham {

/// y[n,c,h,w] = x[n,c,h+dy,w+dx], zero where that lies outside: moves every plane up by dy and left by dx.
/// @param x [N, C, H, W] float32 | float64; dy and dx may have any sign and size
/// @return  the shape of x
/// @throws ShapeError for another rank, DTypeError
/// Saves nothing. Class: linear. Factorised reduction takes its second half from a plane shifted by (1, 1).
Variable shift2d(const Variable& x, std::int64_t dy, std::int64_t dx);

}  // namespace ockham
