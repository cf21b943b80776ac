#pragma once
// What weight_diagonal() and recursion() of ops with weights share.
#include "autograd/op.h"
#include "engine/per_device.h"

namespace ockham {

/// H += the sums of `entries` (float64, the parameter's shape) by `grouping`.
void add_grouped(const Tensor& entries, Grouping grouping, Tensor& H);
inline constinit PerDevice<void(const Tensor& entries, Grouping grouping, Tensor& H)> add_grouped_on{"add_grouped"};

/// What sample_gradients() says of an input without a weight_diagonal(). @throws Error
[[noreturn]] void refuse_sample_gradients(const Op& op, std::size_t input);

/// x o x, elementwise.
Tensor squared(const Tensor& x);

}  // namespace ockham
