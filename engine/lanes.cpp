#include "engine/lanes.h"

#include <numeric>

#include "engine/simd.h"

namespace ockham {
namespace {

constexpr std::int64_t kLanes = 16;

double total(const double (&lanes)[kLanes]) {
  return std::accumulate(lanes, lanes + kLanes, 0.0);
}

}  // namespace

template <class T>
OCKHAM_CLONES double lane_sum(std::int64_t n, const T* x) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<double>(x[i + lane]);
  }
  for (std::int64_t lane = 0; i + lane < n; ++lane)
    lanes[lane] += static_cast<double>(x[i + lane]);
  return total(lanes);
}

template <class T>
OCKHAM_CLONES double lane_dot(std::int64_t n, const T* x, const T* y) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<double>(x[i + lane]) * static_cast<double>(y[i + lane]);
  }
  for (std::int64_t lane = 0; i + lane < n; ++lane)
    lanes[lane] += static_cast<double>(x[i + lane]) * static_cast<double>(y[i + lane]);
  return total(lanes);
}

template double lane_sum(std::int64_t, const float*);
template double lane_sum(std::int64_t, const double*);
template double lane_dot(std::int64_t, const float*, const float*);
template double lane_dot(std::int64_t, const double*, const double*);

}  // namespace ockham
