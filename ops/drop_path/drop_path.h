#pragma once
#include "autograd/tape.h"
#include "ops/dropout/drop_attrs.h"

namespace ockham {

/// Zeroes whole samples with probability p and scales the others by 1/(1-p). p = 0 gives x itself. Class: linear.
/// @param x   [N, ...], float32 | float64; the result has the same shape
/// @param attrs sample n is dropped if uniform(key, n) < p
/// @throws UsageError for p outside [0, 1); ShapeError for a scalar; DTypeError
/// Larsson, Maire, Shakhnarovich 2016, arXiv:1605.07648.
Variable drop_path(const Variable& x, const DropAttrs& attrs);
inline Variable drop_path(const Variable& x, double p, const RandomKey& key) {
  return drop_path(x, {.p = p, .key = key});
}

}  // namespace ockham
