#pragma once
// The vector loops of conv_unit's tangents, one channel's plane or one sample's planes at a time.
#include <cstdint>

namespace ockham::cpu {

/// One channel: r = relu(s x + b), or s x + b where it does not rectify, and how s and b move.
template <class T>
struct TangentLoad {
  T s, b;
  T s_dot, b_dot;
  bool rectifies;
};

/// r_dot = mask (s x_dot + s_dot x + b_dot), the mask being where s x + b > 0; x, x_dot and bar without gaps, r_dot in
/// rows of r_pitch. x_dot may be null: zero. @return the sum of mask bar x_dot; 0 where bar or x_dot is null
template <class T>
double load_tangent(std::int64_t rows, std::int64_t columns, const TangentLoad<T>& load, const T* x, const T* x_dot,
                    const T* bar, T* r_dot, std::int64_t r_pitch);

}  // namespace ockham::cpu
