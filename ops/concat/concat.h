#pragma once
#include <initializer_list>
#include <span>

#include "autograd/tape.h"

namespace ockham {

/// Joins feature maps along the channels (dimension 1), in the order given.
/// @param parts one or more of rank >= 2, float32 | float64, equal in dtype and in every dimension but 1
/// @return  [N, C_0 + C_1 + ..., ...]
/// @throws ShapeError, DTypeError
/// Saves nothing. Class: linear.
Variable concat(std::span<const Variable> parts);
inline Variable concat(std::initializer_list<Variable> parts) {
  return concat(std::span<const Variable>(parts.begin(), parts.size()));
}

}  // namespace ockham
