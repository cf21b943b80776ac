#pragma once
#include "autograd/tape.h"

namespace ockham {

/// x Phi(x), Phi the standard normal distribution function, elementwise. Class: curved.
/// @param x any shape, float32 | float64; the result has the same
/// @throws DTypeError for another dtype
/// Hendrycks and Gimpel 2016 (arXiv:1606.08415), equation 1: the exact form, not that of tanh.
Variable gelu(const Variable& x);

}  // namespace ockham
