#include "ops/loops.h"

#include <algorithm>

#include "engine/lanes.h"
#include "engine/parallel.h"
#include "engine/simd.h"

namespace ockham::cpu {
namespace {

// Elements that one call of a leaf works on: y stays in the first-level cache while the terms stream past it.
constexpr std::int64_t kGrain = 4096;

template <class T>
OCKHAM_CLONES void set_scaled(std::int64_t n, T factor, const T* x, T* y) {
  for (std::int64_t i = 0; i < n; ++i)
    y[i] = factor * x[i];
}

template <class T>
OCKHAM_CLONES void add_scaled(std::int64_t n, T factor, const T* x, T* y) {
  for (std::int64_t i = 0; i < n; ++i)
    y[i] += factor * x[i];
}

}  // namespace

template <class T>
void combine(std::int64_t n, std::span<const Term<T>> terms, T* y, bool adds) {
  parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    if (terms.empty() && !adds)
      std::fill(y + begin, y + end, T(0));
    for (std::size_t k = 0; k < terms.size(); ++k) {
      const auto leaf = k == 0 && !adds ? set_scaled<T> : add_scaled<T>;
      leaf(end - begin, terms[k].factor, terms[k].x + begin, y + begin);
    }
  });
}

template <class T>
std::vector<double> dots(std::int64_t n, const T* y, std::span<const T* const> x) {
  const std::size_t count = x.size();
  std::vector<double> parts(static_cast<std::size_t>((n + kGrain - 1) / kGrain) * count);
  parallel_for(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
    double* part = parts.data() + static_cast<std::size_t>(begin / kGrain) * count;
    for (std::size_t k = 0; k < count; ++k)
      part[k] = lane_dot(end - begin, x[k] + begin, y + begin);
  });
  std::vector<double> totals(count);
  for (std::size_t i = 0; i < parts.size(); ++i)
    totals[i % count] += parts[i];
  return totals;
}

#define OCKHAM_INSTANTIATE_LOOPS(T)                                        \
  template void combine(std::int64_t, std::span<const Term<T>>, T*, bool); \
  template std::vector<double> dots(std::int64_t, const T*, std::span<const T* const>);
OCKHAM_INSTANTIATE_LOOPS(float)
OCKHAM_INSTANTIATE_LOOPS(double)
#undef OCKHAM_INSTANTIATE_LOOPS

}  // namespace ockham::cpu
