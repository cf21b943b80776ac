#pragma once
#include "autograd/tape.h"
#include "ops/dropout/drop_attrs.h"

namespace ockham {

/// Zeroes whole channels of single samples with probability p and scales the others by 1/(1-p) ("dropout2d").
/// p = 0 gives x itself. Class: linear.
/// @param x   [N, C, ...], float32 | float64; the result has the same shape
/// @param attrs channel c of sample n is dropped if uniform(key, n * C + c) < p
/// @throws UsageError for p outside [0, 1); ShapeError for fewer than two dimensions; DTypeError
/// Tompson et al. 2015, arXiv:1411.4280.
Variable channel_dropout(const Variable& x, const DropAttrs& attrs);
inline Variable channel_dropout(const Variable& x, double p, const RandomKey& key) {
  return channel_dropout(x, {.p = p, .key = key});
}

}  // namespace ockham
