#pragma once
#include "autograd/tape.h"

namespace ockham {

/// The mean of each plane, summed in double. Class: linear.
/// @param x [N, C, H, W], H and W >= 1, float32 | float64
/// @return  [N, C]
/// @throws ShapeError, DTypeError
/// Lin, Chen, Yan 2013, arXiv:1312.4400.
Variable global_avg_pool(const Variable& x);

}  // namespace ockham
