#pragma once
#include "autograd/tape.h"

namespace ockham {

/// The mean over samples of 1/2 sum_c (y_c - t_c)^2: regression, the negative log-likelihood of noise of variance 1.
/// Its second derivative by the outputs is the identity. A LossOp: gives the factor that algorithm R pulls back.
/// Class: curved.
/// @param outputs [N, C], N and C >= 1, float32 | float64
/// @param targets of the same shape and dtype; not differentiable
/// @return a scalar of that dtype
/// @throws ShapeError, DTypeError
Variable squared_error(const Variable& outputs, const Variable& targets);

}  // namespace ockham
