#pragma once
// Ordinary backpropagation: gradients of a scalar with respect to every leaf.
#include "autograd/tape.h"

namespace ockham {

/// Writes d loss / d leaf to the grad of every parameter that the loss depends on, or adds to it where `accumulate`.
/// Frees what the tape saved unless `keeps_saved`. @throws ShapeError if the loss is not one element
void backward(const Variable& loss, bool accumulate = false, bool keeps_saved = false);

}  // namespace ockham
