#pragma once
// How often a classifier is right: counts that need no wait for a device.
#include "engine/per_device.h"
#include "engine/tensor.h"

namespace ockham {

/// Images whose label is the class of the largest logit, and of one of the five largest. Ties count for the lower
/// class, NaN logits count as wrong.
/// @param logits [N, C], float32 | float64, @param labels int64 [N], where the logits are
/// @return float64 [2], there
Tensor hits(const Tensor& logits, const Tensor& labels);

/// What a backend registers.
inline constinit PerDevice<void(const Tensor& logits, const Tensor& labels, Tensor& counts)> hits_on{"hits"};

}  // namespace ockham
