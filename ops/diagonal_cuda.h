#pragma once
// Sums by grouping on the GPU, what weight_diagonal() of ops with weights ends in.
#include "autograd/op.h"

namespace ockham::cuda {

/// H += the sums of `entries` (float64, the parameter's shape, on the device) by `grouping`.
void add_grouped(const Tensor& entries, Grouping grouping, Tensor& H);

}  // namespace ockham::cuda
