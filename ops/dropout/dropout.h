#pragma once
#include "autograd/tape.h"
#include "engine/random.h"

namespace ockham {

/// Zeroes each element with probability p and scales the others by 1/(1-p). p = 0 gives x itself. Class: linear.
/// @param x   any shape, float32 | float64; the result has the same
/// @param p   in [0, 1)
/// @param key element i is dropped if uniform(key, i) < p; give every layer and step its own key
/// @throws UsageError for p outside [0, 1); DTypeError
/// Saves one byte per element. Srivastava et al. 2014.
Variable dropout(const Variable& x, double p, const RandomKey& key);

}  // namespace ockham
