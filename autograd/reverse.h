#pragma once
// Ordinary backpropagation: gradients of a scalar with respect to every leaf.
#include "autograd/tape.h"

namespace ockham {

/// Writes d loss / d leaf to the grad of every parameter that the loss depends on, or adds to it where `accumulate`.
/// Frees what the tape saved unless `keeps_saved`. @throws ShapeError if the loss is not one element
void backward(const Variable& loss, bool accumulate = false, bool keeps_saved = false);

/// d loss / d parameter of these alone, in their dtype and order; grads stay as they are, and so does what the tape
/// saved. @throws ShapeError as backward() @throws Error naming a parameter that is not on the tape
std::vector<Tensor> gradients(const Variable& loss, std::span<Parameter* const> parameters);

}  // namespace ockham
