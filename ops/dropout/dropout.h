#pragma once
#include "autograd/tape.h"
#include "ops/dropout/drop_attrs.h"

namespace ockham {

/// Zeroes each element with probability p and scales the others by 1/(1-p). p = 0 gives x itself. Class: linear.
/// @param x   any shape, float32 | float64; the result has the same
/// @param attrs element i is dropped if uniform(key, i) < p
/// @throws UsageError for p outside [0, 1); DTypeError
/// Saves one byte per element. Srivastava et al. 2014.
Variable dropout(const Variable& x, const DropAttrs& attrs);
inline Variable dropout(const Variable& x, double p, const RandomKey& key) {
  return dropout(x, {.p = p, .key = key});
}

}  // namespace ockham
