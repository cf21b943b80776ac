#pragma once
#include <cstdint>

#include "autograd/tape.h"

namespace ockham {

/// Rows and columns of zeros to add at each side.
struct Pad2dAttrs {
  std::int64_t top = 0;
  std::int64_t bottom = 0;
  std::int64_t left = 0;
  std::int64_t right = 0;
};

/// Frames every plane with zeros.
/// @param x [N, C, H, W] float32 | float64
/// @return  [N, C, top + H + bottom, left + W + right]
/// @throws ShapeError for another rank or a negative width, DTypeError
/// Saves nothing. Class: linear.
Variable pad2d(const Variable& x, const Pad2dAttrs& attrs);

}  // namespace ockham
