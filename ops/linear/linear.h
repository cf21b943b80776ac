#pragma once
#include "autograd/tape.h"

namespace ockham {

/// y = x w^T, a fully connected layer without its bias (add_bias has that).
/// @param x [N, I]  float32 | float64
/// @param w [O, I]  same dtype as x
/// @return  [N, O]
/// @throws ShapeError unless both have rank 2 and the same I
/// Saves x and w. Class: bilinear. Has weight_diagonal, (sum_d Y_d o Y_d)^T (X o X) for cotangents Y_d [N, O]: a
/// sample's gradient is an outer product, so its square is that of the squares. Has the recursion for x and w.
Variable linear(const Variable& x, const Variable& w);

}  // namespace ockham
