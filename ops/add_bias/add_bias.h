#pragma once
#include "autograd/tape.h"

namespace ockham {

/// y[n, c, ...] = x[n, c, ...] + b[c]: one number per channel.
/// @param x [N, C, ...]  float32 | float64, rank 2 or more
/// @param b [C]  same dtype as x
/// @return  the shape of x
/// @throws ShapeError unless b has as many entries as x has channels
/// Saves nothing. Class: linear. Has weight_diagonal, the sum over directions and samples of the squared
/// plane sums of y_bar, and the recursion for x and b.
Variable add_bias(const Variable& x, const Variable& b);

}  // namespace ockham
