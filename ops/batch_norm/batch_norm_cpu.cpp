#include "engine/simd.h"
#include "ops/batch_norm/batch_norm_kernels.h"

namespace ockham::cpu {
namespace {

// Sums side by side: the compiler may not reorder one sum, but it can put these into vector registers.
constexpr std::int64_t kLanes = 8;

inline double total_of(const double (&lanes)[kLanes]) {
  return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
}

template <class T>
OCKHAM_CLONES double plane_sum(std::int64_t P, const T* x) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= P; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane)
      lanes[lane] += static_cast<double>(x[i + lane]);
  }
  for (std::int64_t lane = 0; i < P; ++i, ++lane)
    lanes[lane] += static_cast<double>(x[i]);
  return total_of(lanes);
}

template <class T>
OCKHAM_CLONES double plane_squares(std::int64_t P, const T* x, double mean) {
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= P; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const double centred = static_cast<double>(x[i + lane]) - mean;
      lanes[lane] += centred * centred;
    }
  }
  for (std::int64_t lane = 0; i < P; ++i, ++lane) {
    const double centred = static_cast<double>(x[i]) - mean;
    lanes[lane] += centred * centred;
  }
  return total_of(lanes);
}

template <class T>
OCKHAM_CLONES void moments(std::int64_t P, const T* g, const T* x, double mean, Moments& result) {
  double sums[kLanes] = {};
  double crosses[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= P; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      const double gi = static_cast<double>(g[i + lane]);
      sums[lane] += gi;
      crosses[lane] += gi * (static_cast<double>(x[i + lane]) - mean);
    }
  }
  for (std::int64_t lane = 0; i < P; ++i, ++lane) {
    const double gi = static_cast<double>(g[i]);
    sums[lane] += gi;
    crosses[lane] += gi * (static_cast<double>(x[i]) - mean);
  }
  result = {total_of(sums), total_of(crosses)};
}

/// y = a g + b (x - mean) + c
template <class T>
OCKHAM_CLONES void blend_both(std::int64_t P, T a, const T* g, T b, const T* x, T mean, T c, T* y) {
  for (std::int64_t i = 0; i < P; ++i)
    y[i] = a * g[i] + b * (x[i] - mean) + c;
}
template <class T>
OCKHAM_CLONES void blend_both_added(std::int64_t P, T a, const T* g, T b, const T* x, T mean, T c, T* y) {
  for (std::int64_t i = 0; i < P; ++i)
    y[i] += a * g[i] + b * (x[i] - mean) + c;
}
/// y = b (x - mean) + c
template <class T>
OCKHAM_CLONES void blend_one(std::int64_t P, T b, const T* x, T mean, T c, T* y) {
  for (std::int64_t i = 0; i < P; ++i)
    y[i] = b * (x[i] - mean) + c;
}
template <class T>
OCKHAM_CLONES void blend_one_added(std::int64_t P, T b, const T* x, T mean, T c, T* y) {
  for (std::int64_t i = 0; i < P; ++i)
    y[i] += b * (x[i] - mean) + c;
}

}  // namespace

template <class T>
Moments plane_moments(std::int64_t P, const T* g, const T* x, double mean) {
  Moments result;
  moments(P, g, x, mean, result);
  return result;
}

template <class T>
double channel_sum(const ChannelLayout& layout, std::int64_t c, const T* x) {
  double total = 0.0;
  for (std::int64_t n = 0; n < layout.N; ++n)
    total += plane_sum(layout.P, x + layout.plane(n, c));
  return total;
}

template <class T>
double channel_squares(const ChannelLayout& layout, std::int64_t c, const T* x, double mean) {
  double total = 0.0;
  for (std::int64_t n = 0; n < layout.N; ++n)
    total += plane_squares(layout.P, x + layout.plane(n, c), mean);
  return total;
}

template <class T>
Moments channel_moments(const ChannelLayout& layout, std::int64_t c, const T* g, const T* x, double mean) {
  Moments total;
  for (std::int64_t n = 0; n < layout.N; ++n) {
    const Moments part = plane_moments(layout.P, g + layout.plane(n, c), x + layout.plane(n, c), mean);
    total.sum += part.sum;
    total.cross += part.cross;
  }
  return total;
}

template <class T>
void blend_channel(const ChannelLayout& layout, std::int64_t c, const Blend& blend, const T* g, const T* x, T* y,
                   bool adds) {
  const T a = static_cast<T>(blend.direct);
  const T b = static_cast<T>(blend.centred);
  const T mean = static_cast<T>(blend.mean);
  const T constant = static_cast<T>(blend.constant);
  const auto both = adds ? blend_both_added<T> : blend_both<T>;
  const auto one = adds ? blend_one_added<T> : blend_one<T>;
  for (std::int64_t n = 0; n < layout.N; ++n) {
    const std::int64_t at = layout.plane(n, c);
    if (g == nullptr)
      one(layout.P, b, x + at, mean, constant, y + at);
    else if (x == nullptr)
      one(layout.P, a, g + at, T(0), constant, y + at);
    else
      both(layout.P, a, g + at, b, x + at, mean, constant, y + at);
  }
}

#define OCKHAM_INSTANTIATE_BATCH_NORM(T)                                                            \
  template Moments plane_moments(std::int64_t, const T*, const T*, double);                         \
  template double channel_sum(const ChannelLayout&, std::int64_t, const T*);                        \
  template double channel_squares(const ChannelLayout&, std::int64_t, const T*, double);            \
  template Moments channel_moments(const ChannelLayout&, std::int64_t, const T*, const T*, double); \
  template void blend_channel(const ChannelLayout&, std::int64_t, const Blend&, const T*, const T*, T*, bool);
OCKHAM_INSTANTIATE_BATCH_NORM(float)
OCKHAM_INSTANTIATE_BATCH_NORM(double)
#undef OCKHAM_INSTANTIATE_BATCH_NORM

}  // namespace ockham::cpu
