#pragma once
// The vector loops of mix over one block: planes that follow each other in a sample, small enough that y or y_bar stays
// in the first-level cache while the branches stream past it in long runs.
#include <cstdint>
#include <span>

#include "engine/bfloat16.h"

namespace ockham::cpu {

/// Elements of a block where a plane is not larger; longer planes are walked in pieces of this size. Sums of so few
/// elements are safe in float.
constexpr std::int64_t kMixBlock = 4096;

struct MixBlock {
  std::int64_t at = 0;       ///< offset of its first element
  std::int64_t channel = 0;  ///< of its first plane
  std::int64_t planes = 0;   ///< of consecutive channels
  std::int64_t P = 0;        ///< elements of a plane
};

/// Of a map with elements E: T, or BFloat16 where T is float.
template <class T, class E = T>
struct MixTerm {
  const T* factor;  ///< per channel
  const E* x;
};

/// y = constant[c] + sum_k factor_k[c] * x_k
template <class T, class E = T>
void mix_terms(const MixBlock& block, const T* constant, std::span<const MixTerm<T, E>> terms, T* y);

/// A term of two sums at once.
template <class T>
struct MixPair {
  const T* first;   ///< factor of the first sum, per channel
  const T* second;  ///< of the second
  const T* x;
};

/// y += sum_k first_k[c] * x_k. @return <y_bar, constant[c] + sum_k second_k[c] * x_k>
template <class T>
double mix_pairs(const MixBlock& block, const T* constant, std::span<const MixPair<T>> terms, const T* y_bar, T* y);

/// What vjp does with one branch.
template <class T, class E = T>
struct MixPull {
  const T* factor = nullptr;  ///< per channel
  const E* z = nullptr;       ///< null: <y_bar, z> is not wanted
  T* z_bar = nullptr;         ///< null: not wanted
  bool adds = false;
};

/// For every branch k, in order: z_bar_k (+)= factor_k[c] * y_bar (several may share one z_bar) and, for every plane of
/// the block, sums[k] += <y_bar, z_k>; also sums[K] += the sum of y_bar. K + 1 sums per plane; null where no z is given
/// and no sum wanted. streams: a z_bar that is not added to goes around the caches.
template <class T, class E = T>
void mix_pull(const MixBlock& block, const T* y_bar, std::span<const MixPull<T, E>> branches, bool streams,
              double* sums);

}  // namespace ockham::cpu
