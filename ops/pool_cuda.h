#pragma once
// What the kernels of max_pool2d and avg_pool2d share. For .cu files.
#include "engine/cuda/launch.h"
#include "engine/cuda/units.h"
#include "ops/pool.h"

namespace ockham::cuda {

/// The elements of `planes` planes over threads, neighbours to neighbours, kPerThread to a thread.
struct PlaneElements {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;

  std::int64_t planes;
  Units plane;
  Divisor by_columns;

  std::int64_t numel() const { return planes * plane.size(); }
  std::int64_t blocks() const { return blocks_for(numel(), kPerBlock); }

  struct Spot {
    std::int64_t at;  ///< in the array
    std::int64_t plane;
    int row, column;
  };
  /// body(spot) for the elements of this thread.
  template <class Body>
  __device__ __forceinline__ void each(std::int64_t block, Body&& body) const {
    const std::int64_t first = block * kPerBlock;
    const Units::Place start = plane.at(first);
    for (int k = 0; k < kPerThread; ++k) {
      const unsigned i = static_cast<unsigned>(k * kThreads) + threadIdx.x;
      if (first + i >= planes * plane.size())
        return;
      const Units::Place place = plane.after(start, i);
      const unsigned row = by_columns.divide(place.within);
      body(Spot{first + i, place.unit, static_cast<int>(row),
                static_cast<int>(place.within - row * by_columns.value())});
    }
  }
};

inline PlaneElements elements_of(const Tensor& map) {
  return {.planes = map.size(0) * map.size(1),
          .plane = Units(map.size(2) * map.size(3)),
          .by_columns = Divisor(map.size(3))};
}

/// Windows [P, Q] over planes [H, W].
struct PoolWindows {
  int kernel, stride, pad, H, W, P, Q;
  Divisor by_stride;

  /// body(tap, r, s) for the elements of window (p, q) that lie inside the plane, row-major; tap: the number within the
  /// window, (r, s): the place within the plane.
  template <class Body>
  __device__ __forceinline__ void each_tap(int p, int q, Body&& body) const {
    if (kernel == 3) {
#pragma unroll
      for (int tap = 0; tap < 9; ++tap)
        tap_at(p, q, tap / 3, tap % 3, tap, body);
    } else {
      for (int r = 0; r < kernel; ++r) {
        for (int s = 0; s < kernel; ++s)
          tap_at(p, q, r, s, r * kernel + s, body);
      }
    }
  }
  /// body(tap, p, q) for the windows that hold element (h, w), row-major; tap: its number within the window.
  template <class Body>
  __device__ __forceinline__ void each_window(int h, int w, Body&& body) const {
    const int p_end = min(P, last_window(h) + 1);
    const int q_end = min(Q, last_window(w) + 1);
    const int q_first = first_window(w);
    for (int p = first_window(h); p < p_end; ++p) {
      for (int q = q_first; q < q_end; ++q)
        body((h + pad - p * stride) * kernel + w + pad - q * stride, p, q);
    }
  }
  /// Rows (or columns, with W) of the window at p that lie inside the plane.
  __device__ int inside(int p, int size) const {
    return min(size, p * stride - pad + kernel) - max(0, p * stride - pad);
  }

  /// The factor of every element in the mean of window (p, q).
  template <class T>
  __device__ T weight(bool counts_padding, int p, int q) const {
    const int count = counts_padding ? kernel * kernel : inside(p, H) * inside(q, W);
    return T(1) / static_cast<T>(count);
  }

  template <class Body>
  __device__ __forceinline__ void tap_at(int p, int q, int r, int s, int tap, Body&& body) const {
    const int h = p * stride - pad + r;
    const int w = q * stride - pad + s;
    if (h >= 0 && h < H && w >= 0 && w < W)
      body(tap, h, w);
  }
  __device__ int last_window(int i) const {
    return static_cast<int>(by_stride.divide(static_cast<unsigned>(i + pad)));
  }
  __device__ int first_window(int i) const {
    const int after = i + pad - kernel + stride;  // the stride above the first element that it may begin with
    return after < 0 ? 0 : static_cast<int>(by_stride.divide(static_cast<unsigned>(after)));
  }
};

/// @param x, y maps before and after
inline PoolWindows windows_of(const PoolWindow& window, const Tensor& x, const Tensor& y) {
  return {.kernel = static_cast<int>(window.kernel),
          .stride = static_cast<int>(window.stride),
          .pad = static_cast<int>(window.pad),
          .H = static_cast<int>(x.size(2)),
          .W = static_cast<int>(x.size(3)),
          .P = static_cast<int>(y.size(2)),
          .Q = static_cast<int>(y.size(3)),
          .by_stride = Divisor(window.stride)};
}

}  // namespace ockham::cuda
