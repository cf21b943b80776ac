#pragma once
// A dense convolution by filters W with a 1x1 convolution P right behind it is one convolution, by the filters V = P W:
// no tensor between the two, in no pass, and one gradient V_bar from which both others follow. Over threads.
#include "ops/conv_unit/conv_unit_sample.h"

namespace ockham::cpu {

/// W [K1, length], P [K, K1], V [K, length].
struct FilterSizes {
  std::int64_t K, K1, length;
};
template <class T>
FilterSizes filter_sizes(const UnitSample<T>& unit) {
  return {unit.point.K, unit.conv.K, unit.conv.C * unit.conv.taps()};
}

/// Whether the filters of a unit compose, and running V over N samples takes fewer multiplications than W, then P.
template <class T>
bool composes_forward(const UnitSample<T>& unit, std::int64_t N);
/// The same for vjp, where the alternative makes the tensor between W and P again.
template <class T>
bool composes_vjp(const UnitSample<T>& unit, std::int64_t N);

/// The unit with V, made in `scratch`, in place of W and P.
template <class T>
UnitSample<T> composed(const UnitSample<T>& unit, ScratchScope& scratch);
/// w_bar = beta w_bar + P^T V_bar
template <class T>
void filter_gradient(const FilterSizes& sizes, const T* p, const T* v_bar, T beta, T* w_bar);
/// p_bar = beta p_bar + V_bar W^T
template <class T>
void point_gradient(const FilterSizes& sizes, const T* v_bar, const T* w, T beta, T* p_bar);

}  // namespace ockham::cpu
