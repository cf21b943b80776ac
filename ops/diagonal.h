#pragma once
// What weight_diagonal() and recursion() of ops with weights share.
#include "autograd/op.h"

namespace ockham {

/// H += the sums of `entries` (float64, the parameter's shape) by `grouping`.
void add_grouped(const Tensor& entries, Grouping grouping, Tensor& H);

/// x o x, elementwise.
Tensor squared(const Tensor& x);

}  // namespace ockham
