#pragma once
// The kernels of both pools: one type each way, so that in a recorded step maximum and mean of a state are one launch.
// For .cu files.
#include <cmath>

#include "ops/pool_cuda.h"

namespace ockham::cuda {

/// y = the mean of each window, or, where `taps` is given, its largest element, the first of equal ones; NaN wins over
/// numbers. taps: the number of that element within the window.
template <class T>
struct PoolForward {
  static constexpr int kThreads = PlaneElements::kThreads;
  static constexpr int kBlocksAtOnce = 4;  // more would spill registers
  PlaneElements outputs;
  PoolWindows windows;
  bool counts_padding;  ///< of means
  const T* x;
  T* y;
  std::uint8_t* taps;  ///< null: means
  std::int64_t blocks() const { return outputs.blocks(); }
  void operands(Operands& o) const {
    o.reads(x, outputs.planes * windows.H * windows.W);
    o.writes(y, outputs.numel());
    o.writes(taps, outputs.numel());
  }
  __device__ void operator()(std::int64_t block) const {
    outputs.each(block, [&](const PlaneElements::Spot& spot) {
      const T* const plane = x + spot.plane * windows.H * windows.W;
      if (taps != nullptr)
        take_largest(plane, spot);
      else
        take_mean(plane, spot);
    });
  }
  __device__ __forceinline__ void take_mean(const T* plane, const PlaneElements::Spot& spot) const {
    T sum = T(0);
    windows.each_tap(spot.row, spot.column,
                     [&](int, int h, int w) { sum += plane[static_cast<std::int64_t>(h) * windows.W + w]; });
    y[spot.at] = windows.weight<T>(counts_padding, spot.row, spot.column) * sum;
  }
  __device__ __forceinline__ void take_largest(const T* plane, const PlaneElements::Spot& spot) const {
    T best = T(-INFINITY);
    int chosen = -1;
    windows.each_tap(spot.row, spot.column, [&](int tap, int h, int w) {
      const T value = plane[static_cast<std::int64_t>(h) * windows.W + w];
      if (chosen < 0 || value > best || value != value) {
        best = value;
        chosen = tap;
      }
    });
    y[spot.at] = best;
    taps[spot.at] = static_cast<std::uint8_t>(chosen);
  }
};

/// The cotangents of a pool's outputs.
template <class T>
struct PoolCotangent {
  PoolWindows windows;
  Divisor by_planes;         ///< of one direction
  bool counts_padding;       ///< of means
  const std::uint8_t* taps;  ///< of one direction; null: means
  const T* y_bar;

  void operands(Operands& o, std::int64_t planes) const {
    const std::int64_t size = static_cast<std::int64_t>(windows.P) * windows.Q;
    o.reads(taps, static_cast<std::int64_t>(by_planes.value()) * size);
    o.reads(y_bar, planes * size);
  }
  /// sum + what the windows that hold an element give it.
  __device__ __forceinline__ T added_to(T sum, const PlaneElements::Spot& spot) const {
    const std::int64_t size = static_cast<std::int64_t>(windows.P) * windows.Q;
    const T* const from = y_bar + spot.plane * size;
    const auto d = static_cast<std::int64_t>(by_planes.divide(static_cast<unsigned>(spot.plane)));
    const std::uint8_t* const chosen = taps == nullptr ? nullptr : taps + (spot.plane - d * by_planes.value()) * size;
    windows.each_window(spot.row, spot.column, [&](int tap, int p, int q) {
      const std::int64_t at = static_cast<std::int64_t>(p) * windows.Q + q;
      if (chosen == nullptr)
        sum += windows.weight<T>(counts_padding, p, q) * from[at];
      else if (chosen[at] == tap)
        sum += from[at];
    });
    return sum;
  }
};

/// x_bar (+)= the sum of y_bar over the windows that hold an element and, of maxima, chose it, for D directions: each
/// element asks its windows. In a recorded step the pool that adds to the same x_bar next is taken in.
template <class T>
struct PoolTranspose {
  static constexpr int kThreads = PlaneElements::kThreads;
  static constexpr int kBlocksAtOnce = 4;  // more would spill registers
  PlaneElements inputs;
  bool adds;
  PoolCotangent<T> first;
  T* x_bar;
  PoolCotangent<T> second = {};  ///< y_bar of null: none

  bool absorb(const PoolTranspose& other) {
    if (second.y_bar != nullptr || other.second.y_bar != nullptr || other.x_bar != x_bar || !other.adds ||
        other.inputs.numel() != inputs.numel())
      return false;
    second = other.first;
    return true;
  }
  std::int64_t blocks() const { return inputs.blocks(); }
  void operands(Operands& o) const {
    first.operands(o, inputs.planes);
    if (second.y_bar != nullptr)
      second.operands(o, inputs.planes);
    o.writes(x_bar, inputs.numel());
  }
  __device__ void operator()(std::int64_t block) const {
    inputs.each(block, [&](const PlaneElements::Spot& spot) {
      T sum = first.added_to(adds ? x_bar[spot.at] : T(0), spot);
      if (second.y_bar != nullptr)
        sum = second.added_to(sum, spot);
      x_bar[spot.at] = sum;
    });
  }
};

}  // namespace ockham::cuda
