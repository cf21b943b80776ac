#pragma once
#include "autograd/tape.h"

namespace ockham {

struct MaxPool2dAttrs {
  std::int64_t kernel = 2;  ///< 1 to 15, square
  std::int64_t stride = 2;
  std::int64_t pad = 0;  ///< on all four sides, with -inf; at most kernel / 2
};

/// The largest element of each window; the first in row-major order where several are equal. NaN wins over numbers.
/// Class: linear in its piece, the elements that forward chose.
/// @param x [N, C, H, W], float32 | float64
/// @return  [N, C, P, Q], P = (H + 2*pad - kernel) / stride + 1
/// @throws ShapeError, DTypeError
/// Saves one byte per output.
Variable max_pool2d(const Variable& x, const MaxPool2dAttrs& attrs = {});

}  // namespace ockham
