#pragma once
// One channel of a feature map [N, C, P], plane by plane (P = H*W).
#include <cstdint>

namespace ockham::cpu {

/// Of a feature map or of D directions of one, N then being D*N.
struct ChannelLayout {
  std::int64_t N = 0;
  std::int64_t C = 0;
  std::int64_t P = 0;

  std::int64_t values_per_channel() const { return N * P; }
  std::int64_t plane(std::int64_t n, std::int64_t c) const { return (n * C + c) * P; }
};

struct Moments {
  double sum = 0.0;    ///< sum of g
  double cross = 0.0;  ///< sum of g * (x - mean)
};

/// x and x - mean enter in double, whatever T is.
template <class T>
Moments plane_moments(std::int64_t P, const T* g, const T* x, double mean);

/// Sum of x over channel c, and of (x - mean)^2: the two passes of a variance without cancellation.
template <class T>
double channel_sum(const ChannelLayout& layout, std::int64_t c, const T* x);
template <class T>
double channel_squares(const ChannelLayout& layout, std::int64_t c, const T* x, double mean);
template <class T>
Moments channel_moments(const ChannelLayout& layout, std::int64_t c, const T* g, const T* x, double mean);

/// y = direct * g + centred * (x - mean) + constant
struct Blend {
  double direct = 0.0;
  double centred = 0.0;
  double mean = 0.0;
  double constant = 0.0;
};
/// Over channel c. g may be null where direct is 0, x where centred is 0. adds: y += instead.
template <class T>
void blend_channel(const ChannelLayout& layout, std::int64_t c, const Blend& blend, const T* g, const T* x, T* y,
                   bool adds);

}  // namespace ockham::cpu
