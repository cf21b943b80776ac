#include "engine/random.h"

#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "engine/parallel.h"

namespace ockham {
namespace {

std::array<std::uint32_t, 4> block(const RandomKey& key, std::uint64_t index, std::uint32_t draw) {
  // The counter holds index (64 bits), draw (8), purpose (8) and the low part of step; its high part joins the seed.
  const std::uint64_t mixed = key.seed ^ (key.step >> 16) * 0x9E3779B97F4A7C15u;
  return philox(
      {static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32),
       (draw << 24) | (static_cast<std::uint32_t>(key.purpose) << 16) | static_cast<std::uint32_t>(key.step & 0xffffu),
       static_cast<std::uint32_t>(key.step >> 16)},
      {static_cast<std::uint32_t>(mixed), static_cast<std::uint32_t>(mixed >> 32)});
}

std::uint64_t joined(std::uint32_t low, std::uint32_t high) {
  return low | static_cast<std::uint64_t>(high) << 32;
}

double unit(std::uint64_t bits) {
  return static_cast<double>(bits >> 11) * 0x1.0p-53;
}

}  // namespace

std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key[0] += 0x9E3779B9u;
    key[1] += 0xBB67AE85u;
  }
  return counter;
}

std::uint64_t random_bits(const RandomKey& key, std::uint64_t index) {
  const auto b = block(key, index, 0);
  return joined(b[0], b[1]);
}

double uniform(const RandomKey& key, std::uint64_t index) {
  return unit(random_bits(key, index));
}

double normal(const RandomKey& key, std::uint64_t index) {
  const auto b = block(key, index, 0);
  const double u = 1.0 - unit(joined(b[0], b[1]));  // in (0, 1]: its logarithm is finite
  const double v = unit(joined(b[2], b[3]));
  return std::sqrt(-2.0 * std::log(u)) * std::cos(2.0 * std::numbers::pi * v);
}

std::uint64_t random_below(const RandomKey& key, std::uint64_t index, std::uint64_t bound) {
  if (bound == 0)
    throw Error("random_below: the bound is 0, but at least one outcome is needed.");
  // Values below `excess` would make the first outcomes likelier; redraw (fewer than bound / 2^64 of the time).
  const std::uint64_t excess = (0 - bound) % bound;
  for (std::uint32_t draw = 0; draw < 255; ++draw) {
    const auto b = block(key, index, draw);
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
