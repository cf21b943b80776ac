#pragma once
// Sums over samples that tasks make side by side, each in a part of its own.
#include <algorithm>
#include <cstdint>

#include "engine/parallel.h"

namespace ockham::cpu {

/// target [numel] = beta target + the sum of parts [count, numel], in their order.
template <class T>
void add_parts(std::int64_t count, std::int64_t numel, const T* parts, T beta, T* target) {
  constexpr std::int64_t kGrain = 2048;
  parallel_for(numel, kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (beta == T(0))
      std::fill(target + begin, target + end, T(0));
    for (std::int64_t part = 0; part < count; ++part) {
      const T* const values = parts + part * numel;
      for (std::int64_t i = begin; i < end; ++i)
        target[i] += values[i];
    }
  });
}

}  // namespace ockham::cpu
