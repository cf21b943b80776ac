#pragma once
// Weighted sums of tensors on the GPU, as loops.h has them, for every direction at once.
#include <span>

#include "engine/cuda/map.h"

namespace ockham::cuda {

/// weight * factor[d] * x[d] of direction d. A factor is a number for each direction, or one for all, on the device;
/// none: 1.
template <class T>
struct Term {
  Directions<T> x;
  Directions<T> factor = {nullptr, 1};
  T weight = T(1);
};

/// y[d] (+)= sum_k weight_k factor_k[d] x_k[d] for y of D directions of n elements, in order of k; no terms: zeros. One
/// launch for every eight terms.
template <class T>
void combine(std::int64_t D, std::int64_t n, std::span<const Term<T>> terms, T* y, bool adds);

}  // namespace ockham::cuda
