#pragma once
// Moments of a feature map [N, C, P] (P = H*W), plane by plane: whoever has a plane at hand computes its moments, and
// one merge makes those of the channels. Sums are in T within blocks of 1024 values and in double from there on, in an
// order that only the sizes decide.
#include <cstdint>

namespace ockham::cpu {

struct PlaneMoments {
  double mean = 0.0;
  double squares = 0.0;  ///< sum of (x - mean)^2
};

/// @param P >= 1
template <class T>
PlaneMoments moments_of_plane(std::int64_t P, const T* x);

/// m [2, C], means and biased variances, from the moments of N*C planes (index n*C + c) of P values each, merged in
/// order of n (Chan, Golub, LeVeque 1983). T = double keeps all digits. Over threads.
template <class T>
void merge_moments(std::int64_t N, std::int64_t C, std::int64_t P, const PlaneMoments* planes, T* m);

/// Sums of t, of t^2 and of t (x - pivot); a pivot near the mean keeps the digits of x - pivot.
struct TangentMoments {
  double sum = 0.0;
  double squares = 0.0;
  double cross = 0.0;
};
/// Of `planes` planes that follow each other, each with its pivot.
template <class T>
void tangent_moments(std::int64_t planes, std::int64_t P, const T* t, const T* x, const T* pivots,
                     TangentMoments* moments);

/// y (+)= constant + slope * (x - pivot) over one plane.
template <class T>
void put_deviations(std::int64_t P, T constant, T slope, const T* x, T pivot, T* y, bool adds);

}  // namespace ockham::cpu
