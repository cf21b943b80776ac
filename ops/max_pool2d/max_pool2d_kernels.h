#pragma once
// The vector loops of max pooling, over `planes` planes that lie one after another. taps: [P, Q] per plane, the number
// within its window, row-major, of the element that each output chose.
#include <array>

#include "ops/pool.h"

namespace ockham::cpu {

/// Kernels may have this size: the number of a tap must fit into a byte.
constexpr std::int64_t kLargestMaxPool = 15;

/// y = the largest element of each window.
template <class T>
void max_pool(const PoolPlane& plane, std::int64_t planes, const T* x, T* y, std::uint8_t* taps);

/// The transpose: x_bar (+)= the sum of y_bar over the outputs that chose an element.
template <class T>
void max_pool_spread(const PoolPlane& plane, std::int64_t planes, const std::uint8_t* taps, const T* y_bar, bool adds,
                     T* x_bar);

/// Calls body(i, at) for every output i and the element at that it chose.
template <class Body>
void for_chosen(const PoolPlane& plane, std::int64_t planes, const std::uint8_t* taps, Body body) {
  const auto [kernel, stride, pad] = plane.window;
  std::array<std::int64_t, kLargestMaxPool * kLargestMaxPool> offsets;
  for (std::int64_t tap = 0; tap < kernel * kernel; ++tap)
    offsets[static_cast<std::size_t>(tap)] = tap / kernel * plane.W + tap % kernel;
  for (std::int64_t k = 0, i = 0; k < planes; ++k) {
    for (std::int64_t p = 0; p < plane.P; ++p) {
      const std::int64_t row = (k * plane.H + p * stride - pad) * plane.W - pad;
      for (std::int64_t q = 0; q < plane.Q; ++q, ++i)
        body(i, row + q * stride + offsets[taps[i]]);
    }
  }
}

/// x_bar += the sum of y_bar over the outputs that chose an element, output by output.
template <class T>
void scatter_chosen(const PoolPlane& plane, std::int64_t planes, const std::uint8_t* taps, const T* y_bar, T* x_bar) {
  for_chosen(plane, planes, taps, [&](std::int64_t out, std::int64_t at) { x_bar[at] += y_bar[out]; });
}

}  // namespace ockham::cpu
