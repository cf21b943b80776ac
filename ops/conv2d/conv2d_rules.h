#pragma once
#include "autograd/op.h"
#include "ops/conv2d/conv2d.h"

namespace ockham {

/// The shape of conv2d(x, w), [N, K, P, Q], for `op`, which has these inputs.
/// @throws ShapeError naming op and inputs where a rule of conv2d is broken
Shape check_conv2d(const Op& op, std::span<const Spec> inputs, const Conv2dAttrs& attrs, const Shape& x,
                   const Shape& w);

}  // namespace ockham
