#pragma once
#include <initializer_list>
#include <span>

#include "autograd/tape.h"

namespace ockham {

/// y = x_0 + x_1 + ..., added in that order; one pass over memory however many terms.
/// @param terms two or more, float32 | float64, of one shape and dtype (nothing is broadcast)
/// @throws ShapeError for fewer than two terms or different shapes, DTypeError
/// Saves nothing. Class: linear.
Variable add(std::span<const Variable> terms);
inline Variable add(std::initializer_list<Variable> terms) {
  return add(std::span<const Variable>(terms.begin(), terms.size()));
}
inline Variable add(const Variable& a, const Variable& b) {
  return add({a, b});
}

}  // namespace ockham
