#pragma once
#include "autograd/tape.h"

namespace ockham {

/// x / (1 + exp(-x)), elementwise. Class: curved.
/// @param x any shape, float32 | float64; the result has the same
/// @throws DTypeError for another dtype
/// Elfwing, Uchibe, Doya 2017; Ramachandran, Zoph, Le 2017 ("swish").
Variable silu(const Variable& x);

}  // namespace ockham
