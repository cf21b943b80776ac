#include "engine/random.h"

#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "engine/parallel.h"

namespace ockham {

double normal(const RandomKey& key, std::uint64_t index) {
  const auto b = random_block(key, index, 0);
  const double u = 1.0 - unit_interval(joined(b[0], b[1]));  // in (0, 1]: its logarithm is finite
  const double v = unit_interval(joined(b[2], b[3]));
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

std::uint64_t random_below(const RandomKey& key, std::uint64_t index, std::uint64_t bound) {
  if (bound == 0)
    throw Error("random_below: the bound is 0, but at least one outcome is needed.");
  // Values below `excess` would make the first outcomes likelier; redraw (fewer than bound / 2^64 of the time).
  const std::uint64_t excess = (0 - bound) % bound;
  for (std::uint32_t draw = 0; draw < 255; ++draw) {
    const auto b = random_block(key, index, draw);
    const std::uint64_t bits = joined(b[0], b[1]);
    if (bits >= excess)
      return bits % bound;
  }
  return 0;
}

void fill_uniform(Tensor& y, const RandomKey& key, double low, double high) {
  visit_float(y.dtype(), "fill_uniform", [&]<class T>() {
    T* ys = y.span<T>().data();
    parallel_for(y.numel(), 1 << 12, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        ys[i] = static_cast<T>(low + (high - low) * uniform(key, static_cast<std::uint64_t>(i)));
    });
  });
}

void fill_normal(Tensor& y, const RandomKey& key, double mean, double standard_deviation) {
  visit_float(y.dtype(), "fill_normal", [&]<class T>() {
    T* ys = y.span<T>().data();
    parallel_for(y.numel(), 1 << 12, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i)
        ys[i] = static_cast<T>(mean + standard_deviation * normal(key, static_cast<std::uint64_t>(i)));
    });
  });
}

}  // namespace ockham
