#pragma once
#include "autograd/tape.h"
#include "engine/random.h"

namespace ockham {

/// Zeroes whole channels of single samples with probability p and scales the others by 1/(1-p) ("dropout2d").
/// p = 0 gives x itself. Class: linear.
/// @param x   [N, C, ...], float32 | float64; the result has the same shape
/// @param p   in [0, 1)
/// @param key channel c of sample n is dropped if uniform(key, n * C + c) < p; give every layer and step its own key
/// @throws UsageError for p outside [0, 1); ShapeError for fewer than two dimensions; DTypeError
/// Tompson et al. 2015, arXiv:1411.4280.
Variable channel_dropout(const Variable& x, double p, const RandomKey& key);

}  // namespace ockham
