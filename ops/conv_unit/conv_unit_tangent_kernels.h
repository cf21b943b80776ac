#pragma once
// The vector loops of conv_unit's tangents, one channel's plane or one sample's planes at a time.
#include <cstdint>
#include <span>

namespace ockham::cpu {

/// One channel of one sample: r = relu(s x + b), or s x + b where it does not rectify.
template <class T>
struct ChannelLoad {
  T s, b;
  bool rectifies;
  const T* x;
  const T* bar;  ///< null: no sum is wanted
};

/// How it moves along one direction.
template <class T>
struct ChannelTangent {
  T s_dot, b_dot;
  const T* x_dot;  ///< null: zero, for all directions
  T* r_dot;
  double sum;  ///< of mask bar x_dot; 0 where either is null
};

/// Directions of one call: their numbers stay in registers, while x and its mask are looked at once.
inline constexpr std::int64_t kDirectionsAtOnce = 4;

/// r_dot = mask (s x_dot + s_dot x + b_dot), the mask being where s x + b > 0, and sum, of 1 to kDirectionsAtOnce
/// directions; x, x_dot and bar without gaps, r_dot in rows of r_pitch.
template <class T>
void load_tangents(std::int64_t rows, std::int64_t columns, const ChannelLoad<T>& load,
                   std::span<ChannelTangent<T>> tangents, std::int64_t r_pitch);

}  // namespace ockham::cpu
