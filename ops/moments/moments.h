#pragma once
#include "autograd/tape.h"

namespace ockham {

/// Mean and biased variance of each channel: the numbers through which batch norm couples the samples of a batch.
/// With batch_norm_fold and y = s x + b it is batch_norm_train in three pieces.
/// @param x [N, C, H, W] or [N, C], float32 | float64, at least one value per channel
/// @return  [2, C], same dtype: row 0 the means, row 1 the variances (squared deviations over the number of values)
/// @throws ShapeError, DTypeError
/// Accurate where |mean| is far above the standard deviation: deviations are taken before they are squared.
/// Cost: one pass over x, also in vjp and jvp. Saves x. Couples samples. Class: curved.
/// Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance".
Variable moments(const Variable& x);

}  // namespace ockham
