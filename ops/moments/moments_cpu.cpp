#include <algorithm>

#include "engine/parallel.h"
#include "engine/simd.h"
#include "ops/moments/moments_kernels.h"

namespace ockham::cpu {
namespace {

// Sums side by side, for the vector registers. Fewer would be unrolled before the compiler looks for vectors, and then
// it finds none: 16 are ten times slower.
constexpr std::int64_t kLanes = 32;
// Values that meet in T, 32 per lane; their sums meet in double.
constexpr std::int64_t kBlock = 32 * kLanes;

template <class T>
inline double total_of(T (&lanes)[kLanes]) {
  for (std::int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::int64_t lane = 0; lane < half; ++lane)
      lanes[lane] += lanes[lane + half];
  }
  return static_cast<double>(lanes[0]);
}

struct Around {
  double sum = 0.0;      // of x - pivot
  double squares = 0.0;  // of (x - pivot)^2
};
template <class T>
OCKHAM_CLONES void sum_around(std::int64_t P, const T* x, T pivot, Around& result) {
  for (std::int64_t block = 0; block < P; block += kBlock) {
    T sum[kLanes] = {};
    T squares[kLanes] = {};
    const auto add = [&](std::int64_t lane, std::int64_t at) {
      const T centred = x[at] - pivot;
      sum[lane] += centred;
      squares[lane] += centred * centred;
    };
    const std::int64_t end = std::min(P, block + kBlock);
    std::int64_t i = block;
    for (; i + kLanes <= end; i += kLanes) {
      for (std::int64_t lane = 0; lane < kLanes; ++lane)
        add(lane, i + lane);
    }
    for (std::int64_t lane = 0; i + lane < end; ++lane)
      add(lane, i + lane);
    result.sum += total_of(sum);
    result.squares += total_of(squares);
  }
}

template <class T>
OCKHAM_CLONES void set_deviations(std::int64_t P, T constant, T slope, const T* x, T pivot, T* y) {
  for (std::int64_t i = 0; i < P; ++i)
    y[i] = constant + slope * (x[i] - pivot);
}
template <class T>
OCKHAM_CLONES void add_deviations(std::int64_t P, T constant, T slope, const T* x, T pivot, T* y) {
  for (std::int64_t i = 0; i < P; ++i)
    y[i] += constant + slope * (x[i] - pivot);
}

/// A value near the plane's mean, exact for a constant plane: the middle one of three, lest an outlier be taken.
template <class T>
T pivot_of(std::int64_t P, const T* x) {
  const T a = x[P / 4];
  const T b = x[P / 2];
  const T c = x[P - 1 - P / 4];
  return std::max(std::min(a, b), std::min(std::max(a, b), c));
}

}  // namespace

template <class T>
PlaneMoments moments_of_plane(std::int64_t P, const T* x) {
  if (P == 1)
    return {static_cast<double>(x[0]), 0.0};
  const T pivot = pivot_of(P, x);
  Around around;
  sum_around(P, x, pivot, around);
  const double shift = around.sum / static_cast<double>(P);
  return {static_cast<double>(pivot) + shift, std::max(0.0, around.squares - shift * around.sum)};
}

template <class T>
void merge_moments(std::int64_t N, std::int64_t C, std::int64_t P, const PlaneMoments* planes, T* m) {
  constexpr std::int64_t kChannels = 32;  // of one task
  parallel_for(C, kChannels, [&](std::int64_t begin, std::int64_t end) {
    double mean[kChannels] = {};
    double squares[kChannels] = {};
    for (std::int64_t n = 0; n < N; ++n) {
      const double share = 1.0 / static_cast<double>(n + 1);  // of plane n in the first n + 1
      const double between = static_cast<double>(P * n) * share;
      for (std::int64_t c = 0; c < end - begin; ++c) {
        const PlaneMoments& plane = planes[n * C + begin + c];
        const double gap = plane.mean - mean[c];
        mean[c] += gap * share;
        squares[c] += plane.squares + gap * gap * between;
      }
    }
    for (std::int64_t c = begin; c < end; ++c) {
      m[c] = static_cast<T>(mean[c - begin]);
      m[C + c] = static_cast<T>(squares[c - begin] / static_cast<double>(N * P));
    }
  });
}

template <class T>
void put_deviations(std::int64_t P, T constant, T slope, const T* x, T pivot, T* y, bool adds) {
  (adds ? add_deviations<T> : set_deviations<T>)(P, constant, slope, x, pivot, y);
}

#define OCKHAM_INSTANTIATE_MOMENTS(T)                                                             \
  template PlaneMoments moments_of_plane(std::int64_t, const T*);                                 \
  template void merge_moments(std::int64_t, std::int64_t, std::int64_t, const PlaneMoments*, T*); \
  template void put_deviations(std::int64_t, T, T, const T*, T, T*, bool);
OCKHAM_INSTANTIATE_MOMENTS(float)
OCKHAM_INSTANTIATE_MOMENTS(double)
#undef OCKHAM_INSTANTIATE_MOMENTS

}  // namespace ockham::cpu
