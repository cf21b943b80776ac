#pragma once
// Rules that many ops' infer() share.
#include "autograd/op.h"

namespace ockham {

/// @throws DTypeError unless every input is float32 or every input is float64
void require_float(const Op& op, std::span<const Spec> x);

/// @throws ShapeError unless there are at least `least` inputs, all of one shape
void require_equal_shapes(const Op& op, std::span<const Spec> x, std::size_t least);

}  // namespace ockham
