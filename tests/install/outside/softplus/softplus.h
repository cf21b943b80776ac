#pragma once
#include "autograd/tape.h"

/// log(1 + exp(x)), elementwise. Class: curved.
/// @param x any shape, float32 | float64; the result has the same
ockham::Variable softplus(const ockham::Variable& x);
