#pragma once
#include "autograd/tape.h"

namespace ockham {

struct AvgPool2dAttrs {
  std::int64_t kernel = 2;  ///< square
  std::int64_t stride = 2;
  std::int64_t pad = 0;           ///< on all four sides, with zeros; at most kernel / 2
  bool count_include_pad = true;  ///< divide by kernel^2 everywhere; false: by the elements inside the plane
};

/// The mean of each window. Class: linear.
/// @param x [N, C, H, W], float32 | float64
/// @return  [N, C, P, Q], P = (H + 2*pad - kernel) / stride + 1
/// @throws ShapeError, DTypeError
Variable avg_pool2d(const Variable& x, const AvgPool2dAttrs& attrs = {});

}  // namespace ockham
