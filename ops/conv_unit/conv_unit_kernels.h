#pragma once
// What conv_unit does to one sample's planes besides convolving them. Everything is per channel c with its scale s and
// shift b; a plane has P elements.
#include <cstdint>

namespace ockham::cpu {

/// r = relu(s x + b), or s x + b where it does not rectify; x without gaps, r in rows of r_pitch.
template <class T>
void load_rows(std::int64_t rows, std::int64_t columns, T s, T b, bool rectifies, const T* x, T* r,
               std::int64_t r_pitch);

/// Sums that the gradient of (s, b) needs.
struct LoadSums {
  double s_bar = 0.0;  ///< sum of mask r_bar x
  double b_bar = 0.0;  ///< sum of mask r_bar
};
/// x_bar = beta x_bar + s mask r_bar, and the sums; either may be null: not wanted.
template <class T>
void load_transpose(std::int64_t P, T s, T b, bool rectifies, const T* x, const T* r_bar, T beta, T* x_bar,
                    LoadSums* sums);

/// factor z_bar + c0 + c1 z: the cotangent of z with what its moments add; z_bar may be null: zero.
template <class T>
void add_moments_cotangent(std::int64_t P, T factor, const T* z_bar, T c0, T c1, const T* z, T* total);

}  // namespace ockham::cpu
