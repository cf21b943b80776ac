#pragma once
#include <cstdint>

#include "autograd/tape.h"

namespace ockham {

/// y[n,c,h,w] = x[n,c,stride*h+dy,stride*w+dx], zero where that lies outside: moves every plane up by dy and left by dx
/// and keeps one in `stride` of its rows and columns.
/// @param x [N, C, H, W] float32 | float64; dy and dx may have any sign and size
/// @return  [N, C, ceil(H/stride), ceil(W/stride)]
/// @throws ShapeError for another rank or a stride below 1, DTypeError
/// Saves nothing. Class: linear. Factorised reduction reads the maps of strides 2 at (0, 0) and at (1, 1).
Variable shift2d(const Variable& x, std::int64_t dy, std::int64_t dx, std::int64_t stride = 1);

}  // namespace ockham
