#include <array>

#include "engine/cpu/targets.h"
#include "ops/conv2d/conv2d_winograd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv2d/conv2d_winograd_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "engine/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// a + factor b
template <class T>
HWY_INLINE Vector<T> plus(Vector<T> a, double factor, Vector<T> b) {
  return hn::MulAdd(hn::Set(Lanes<T>(), static_cast<T>(factor)), b, a);
}

// The maps along one axis, by the points 0, p and -p of every pair, and infinity, where p and -p share their even and
// odd parts. With W(x) the product of x^2 - p^2 over the pairs, and W_p that of the others, inputs are the coefficients
// of W (of 0 and infinity) and of x (x + p) W_p (of p), filters the values at the points, over x (x + p) W_p (x).
template <int points>
struct Pairs {
  static constexpr int kCount = points / 2 - 1;
  static constexpr double kPoints[] = {1.0, 2.0, 0.5};
  using Coefficients = std::array<double, kCount + 1>;  // of 1, x^2, x^4, ...

  /// Of W, or of W_p where a pair is left out.
  static constexpr Coefficients coefficients(int without) {
    Coefficients result{1.0};
    int degree = 0;
    for (int pair = 0; pair < kCount; ++pair) {
      if (pair == without)
        continue;
      ++degree;
      for (int k = degree; k >= 0; --k)
        result[k] = (k > 0 ? result[k - 1] : 0.0) - (k < degree ? square(kPoints[pair]) * result[k] : 0.0);
    }
    return result;
  }
  static constexpr double square(double x) { return x * x; }
  static constexpr double power(double x, int n) { return n == 0 ? 1.0 : x * power(x, n - 1); }
  /// 1 / (x (x + p) W_p) at x = p.
  static constexpr double scale(int pair) {
    const Coefficients c = coefficients(pair);
    double value = 0.0;
    for (int k = kCount - 1; k >= 0; --k)
      value = value * square(kPoints[pair]) + c[k];
    return 1.0 / (2.0 * square(kPoints[pair]) * value);
  }
};

// The sum of c[k] d[2 k]; c[last] is 1.
template <int last, class T, std::size_t n>
HWY_INLINE Vector<T> every_second(const std::array<double, n>& c, const Vector<T>* d) {
  Vector<T> sum = d[2 * last];
  HWY_UNROLL(8)
  for (int k = last - 1; k >= 0; --k)
    sum = plus<T>(sum, c[k], d[2 * k]);
  return sum;
}

template <int points>
struct InputMap {
  static constexpr int kFrom = points, kTo = points;
  template <class T>
  static HWY_INLINE void apply(const Vector<T> (&d)[kFrom], Vector<T> (&v)[kTo]) {
    using P = Pairs<points>;
    constexpr auto all = P::coefficients(-1);
    v[0] = every_second<P::kCount, T>(all, d);
    v[points - 1] = every_second<P::kCount, T>(all, d + 1);
    HWY_UNROLL(8)
    for (int pair = 0; pair < P::kCount; ++pair) {
      const auto others = P::coefficients(pair);
      const auto even = every_second<P::kCount - 1, T>(others, d + 2);
      const auto odd = every_second<P::kCount - 1, T>(others, d + 1);
      v[2 * pair + 1] = plus<T>(even, P::kPoints[pair], odd);
      v[2 * pair + 2] = plus<T>(even, -P::kPoints[pair], odd);
    }
  }
};

template <int points, int n>
struct FilterMap {
  static constexpr int kFrom = n, kTo = points;
  template <class T>
  static HWY_INLINE void apply(const Vector<T> (&g)[kFrom], Vector<T> (&u)[kTo]) {
    using P = Pairs<points>;
    const auto zero = hn::Zero(Lanes<T>());
    u[0] = plus<T>(zero, 1.0 / P::coefficients(-1)[0], g[0]);
    u[points - 1] = g[n - 1];
    HWY_UNROLL(8)
    for (int pair = 0; pair < P::kCount; ++pair) {
      Vector<T> even = zero, odd = zero;
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) {
        Vector<T>& part = i % 2 == 0 ? even : odd;
        part = plus<T>(part, P::power(P::kPoints[pair], i) * P::scale(pair), g[i]);
      }
      u[2 * pair + 1] = hn::Add(even, odd);
      u[2 * pair + 2] = hn::Sub(even, odd);
    }
  }
};

template <int points, int n>
struct OutputMap {
  static constexpr int kFrom = points, kTo = n;
  template <class T>
  static HWY_INLINE void apply(const Vector<T> (&v)[kFrom], Vector<T> (&y)[kTo]) {
    using P = Pairs<points>;
    HWY_UNROLL(8)
    for (int pair = 0; pair < P::kCount; ++pair) {
      const auto even = hn::Add(v[2 * pair + 1], v[2 * pair + 2]), odd = hn::Sub(v[2 * pair + 1], v[2 * pair + 2]);
      HWY_UNROLL(8)
      for (int i = 0; i < n; ++i) {
        const auto part = i % 2 == 0 ? even : odd;
        y[i] = pair == 0 ? part : plus<T>(y[i], P::power(P::kPoints[pair], i), part);
      }
    }
    y[0] = hn::Add(y[0], v[0]);
    y[n - 1] = hn::Add(y[n - 1], v[points - 1]);
  }
};

// One vector of lanes of one tile: down the columns, then along the rows.
template <class Map, class T>
HWY_INLINE void map_tile(const T* from, const std::int32_t* from_offsets, T* to, const std::int32_t* to_offsets) {
  const Lanes<T> d;
  Vector<T> middle[Map::kTo][Map::kFrom];
  HWY_UNROLL(8)
  for (int column = 0; column < Map::kFrom; ++column) {
    Vector<T> in[Map::kFrom], out[Map::kTo];
    HWY_UNROLL(8)
    for (int i = 0; i < Map::kFrom; ++i)
      in[i] = hn::LoadU(d, from + from_offsets[i * Map::kFrom + column]);
    Map::template apply<T>(in, out);
    HWY_UNROLL(8)
    for (int i = 0; i < Map::kTo; ++i)
      middle[i][column] = out[i];
  }
  HWY_UNROLL(8)
  for (int i = 0; i < Map::kTo; ++i) {
    Vector<T> out[Map::kTo];
    Map::template apply<T>(middle[i], out);
    HWY_UNROLL(8)
    for (int column = 0; column < Map::kTo; ++column)
      hn::StoreU(out[column], d, to + to_offsets[i * Map::kTo + column]);
  }
}

template <class Map, class T>
void map_tiles(std::int64_t count, const T* from, const WinogradPlaces& from_places, T* to,
               const WinogradPlaces& to_places) {
  for (std::int64_t t = 0; t < count; ++t) {
    for (std::int64_t lane = 0; lane < kWinogradLanes; lane += kLanes<T>)
      map_tile<Map, T>(from + t * from_places.row + lane, from_places.offsets + t * from_places.table,
                       to + t * to_places.row + lane, to_places.offsets + t * to_places.table);
  }
}

template <int points, class T>
void map_all(WinogradMap map, int n, std::int64_t count, const T* from, const WinogradPlaces& from_places, T* to,
             const WinogradPlaces& to_places) {
  const auto of_size = [&]<int size>() {
    if (map == WinogradMap::kFilters)
      map_tiles<FilterMap<points, size>, T>(count, from, from_places, to, to_places);
    else
      map_tiles<OutputMap<points, size>, T>(count, from, from_places, to, to_places);
  };
  if (map == WinogradMap::kInputs)
    return map_tiles<InputMap<points>, T>(count, from, from_places, to, to_places);
  switch (n) {
    case 2:
      return of_size.template operator()<2>();
    case 3:
      return of_size.template operator()<3>();
    case 4:
      return of_size.template operator()<4>();
    default:
      return of_size.template operator()<5>();
  }
}

template <class T>
void map_sides(WinogradMap map, WinogradSides sides, std::int64_t count, const T* from,
               const WinogradPlaces& from_places, T* to, const WinogradPlaces& to_places) {
  if (sides.points == 6)
    map_all<6>(map, sides.n, count, from, from_places, to, to_places);
  else
    map_all<8>(map, sides.n, count, from, from_places, to, to_places);
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void winograd_map(WinogradMap map, WinogradSides sides, std::int64_t count, const T* from,
                  const WinogradPlaces& from_places, T* to, const WinogradPlaces& to_places) {
  OCKHAM_DISPATCH(map_sides<T>)(map, sides, count, from, from_places, to, to_places);
}
OCKHAM_FOR_FLOATS(winograd_map)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
