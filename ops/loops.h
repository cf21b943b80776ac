#pragma once
// Vectorised loops over plain arrays that several ops are made of. Results do not depend on the number of threads.
#include <cstdint>
#include <span>
#include <vector>

namespace ockham::cpu {

template <class T>
struct Term {
  T factor;
  const T* x;
};

/// y = sum_k factor_k * x_k, or y += that: one pass over memory however many terms. No terms: zeros. Over threads.
template <class T>
void combine(std::int64_t n, std::span<const Term<T>> terms, T* y, bool adds);

/// <y, x_k> for every k, in one pass over y. Over threads.
template <class T>
std::vector<double> dots(std::int64_t n, const T* y, std::span<const T* const> x);

}  // namespace ockham::cpu
