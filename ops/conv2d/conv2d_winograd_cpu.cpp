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

// The maps along one axis. The points 1 and -1, and 2 and -2, share their even and odd parts.
struct InputMap {
  static constexpr int kFrom = kWinogradPoints, kTo = kWinogradPoints;
  template <class T>
  static HWY_INLINE void apply(const Vector<T> (&d)[kFrom], Vector<T> (&v)[kTo]) {
    const auto even_1 = plus<T>(d[4], -4.0, d[2]), odd_1 = plus<T>(d[3], -4.0, d[1]);
    const auto even_2 = hn::Sub(d[4], d[2]), odd_2 = hn::Sub(d[3], d[1]);
    v[0] = plus<T>(plus<T>(d[4], -5.0, d[2]), 4.0, d[0]);
    v[1] = hn::Add(even_1, odd_1);
    v[2] = hn::Sub(even_1, odd_1);
    v[3] = plus<T>(even_2, 2.0, odd_2);
    v[4] = plus<T>(even_2, -2.0, odd_2);
    v[5] = plus<T>(plus<T>(d[5], -5.0, d[3]), 4.0, d[1]);
  }
};

template <int n>
struct FilterMap {
  static constexpr int kFrom = n, kTo = kWinogradPoints;
  template <class T>
  static HWY_INLINE void apply(const Vector<T> (&g)[kFrom], Vector<T> (&u)[kTo]) {
    const auto zero = hn::Zero(Lanes<T>());
    // Over 6, and over 24.
    Vector<T> even_1 = zero, odd_1 = zero, even_2 = zero, odd_2 = zero;
    HWY_UNROLL(8)
    for (int i = 0; i < n; ++i) {
      Vector<T>& at_1 = i % 2 == 0 ? even_1 : odd_1;
      Vector<T>& at_2 = i % 2 == 0 ? even_2 : odd_2;
      at_1 = plus<T>(at_1, -1.0 / 6.0, g[i]);
      at_2 = plus<T>(at_2, (1 << i) / 24.0, g[i]);
    }
    u[0] = plus<T>(zero, 0.25, g[0]);
    u[1] = hn::Add(even_1, odd_1);
    u[2] = hn::Sub(even_1, odd_1);
    u[3] = hn::Add(even_2, odd_2);
    u[4] = hn::Sub(even_2, odd_2);
    u[5] = g[n - 1];
  }
};

template <int n>
struct OutputMap {
  static constexpr int kFrom = kWinogradPoints, kTo = n;
  template <class T>
  static HWY_INLINE void apply(const Vector<T> (&v)[kFrom], Vector<T> (&y)[kTo]) {
    const auto even_1 = hn::Add(v[1], v[2]), odd_1 = hn::Sub(v[1], v[2]);
    const auto even_2 = hn::Add(v[3], v[4]), odd_2 = hn::Sub(v[3], v[4]);
    HWY_UNROLL(8)
    for (int i = 0; i < n; ++i)
      y[i] = i % 2 == 0 ? plus<T>(even_1, 1 << i, even_2) : plus<T>(odd_1, 1 << i, odd_2);
    y[0] = hn::Add(y[0], v[0]);
    y[n - 1] = hn::Add(y[n - 1], v[5]);
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

template <class T>
void map_all(WinogradMap map, int n, std::int64_t count, const T* from, const WinogradPlaces& from_places, T* to,
             const WinogradPlaces& to_places) {
  const auto of_size = [&]<int size>() {
    if (map == WinogradMap::kFilters)
      map_tiles<FilterMap<size>, T>(count, from, from_places, to, to_places);
    else
      map_tiles<OutputMap<size>, T>(count, from, from_places, to, to_places);
  };
  if (map == WinogradMap::kInputs)
    return map_tiles<InputMap, T>(count, from, from_places, to, to_places);
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

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void winograd_map(WinogradMap map, int n, std::int64_t count, const T* from, const WinogradPlaces& from_places, T* to,
                  const WinogradPlaces& to_places) {
  OCKHAM_DISPATCH(map_all<T>)(map, n, count, from, from_places, to, to_places);
}
OCKHAM_FOR_FLOATS(winograd_map)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
