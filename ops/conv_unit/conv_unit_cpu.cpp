#include "engine/cpu/targets.h"
#include "ops/conv_unit/conv_unit_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv_unit/conv_unit_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "engine/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// Calls step(i, partial, count) for consecutive vectors of P elements: partial is a constant, true for the last few.
template <class T, class Step>
HWY_INLINE void over_plane(std::int64_t P, Step&& step) {
  std::int64_t i = 0;
  for (; i + kLanes<T> <= P; i += kLanes<T>)
    step(i, std::false_type{}, kLanes<T>);
  if (i < P)
    step(i, std::true_type{}, P - i);
}

template <bool kPartial, class T>
HWY_INLINE void store(Vector<T> v, T* p, std::int64_t count) {
  if constexpr (kPartial)
    store_first(v, p, count);
  else
    hn::StoreU(v, Lanes<T>(), p);
}

template <class T>
HWY_INLINE double total(Vector<T> v) {
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(Lanes<T>(), v)));
}

// What relu lets through: `value` where s x + b > 0, else 0.
template <class T>
HWY_INLINE Vector<T> masked(bool rectifies, Vector<T> s, Vector<T> b, Vector<T> x, Vector<T> value) {
  return rectifies ? hn::IfThenElseZero(hn::Gt(hn::MulAdd(s, x, b), hn::Zero(Lanes<T>())), value) : value;
}

// Rows that a short vector holds.
template <class T>
void load_short_rows(std::int64_t rows, T s, T b, bool rectifies, const T* x, T* r, std::int64_t r_pitch) {
  const ShortLanes<T> d;
  const auto vs = hn::Set(d, s), vb = hn::Set(d, b);
  const auto floor = rectifies ? hn::Zero(d) : hn::Set(d, -std::numeric_limits<T>::infinity());
  for (std::int64_t row = 0; row < rows; ++row, x += kShortLanes<T>, r += r_pitch) {
    const auto value = hn::MulAdd(vs, hn::LoadU(d, x), vb);
    hn::StoreU(hn::IfThenElse(hn::Lt(value, floor), floor, value), d, r);
  }
}

template <class T>
void load_rows_of(std::int64_t rows, std::int64_t columns, T s, T b, bool rectifies, const T* x, T* r,
                  std::int64_t r_pitch) {
  if (columns == kShortLanes<T>)
    return load_short_rows(rows, s, b, rectifies, x, r, r_pitch);
  const Lanes<T> d;
  const auto vs = hn::Set(d, s), vb = hn::Set(d, b);
  // A floor below every number leaves s x + b as it is, NaN included.
  const auto floor = rectifies ? hn::Zero(d) : hn::Set(d, -std::numeric_limits<T>::infinity());
  for (std::int64_t row = 0; row < rows; ++row, x += columns, r += r_pitch) {
    over_plane<T>(columns, [&](std::int64_t i, auto partial, std::int64_t count) HWY_ATTR {
      const auto value = hn::MulAdd(vs, load<partial.value>(x + i, count), vb);
      store<partial.value, T>(hn::IfThenElse(hn::Lt(value, floor), floor, value), r + i, count);
    });
  }
}

// One vector of load_transpose: x_bar = beta x_bar + s u for what relu lets through of r_bar, u, which it returns.
template <bool kPartial, class T>
HWY_INLINE Vector<T> transpose_step(std::int64_t i, std::int64_t count, Vector<T> s, Vector<T> b, bool rectifies,
                                    Vector<T> x, const T* r_bar, T beta, T* x_bar) {
  const auto u = masked<T>(rectifies, s, b, x, load<kPartial>(r_bar + i, count));
  if (x_bar != nullptr) {
    const auto before = beta == T(0) ? hn::Zero(Lanes<T>()) : load<kPartial>(x_bar + i, count);
    store<kPartial, T>(hn::MulAdd(s, u, before), x_bar + i, count);
  }
  return u;
}

template <class T>
void load_transpose_of(std::int64_t P, T s, T b, bool rectifies, const T* x, const T* r_bar, T beta, T* x_bar,
                       LoadSums* sums) {
  const Lanes<T> d;
  const auto vs = hn::Set(d, s), vb = hn::Set(d, b);
  if (sums == nullptr) {
    over_plane<T>(P, [&](std::int64_t i, auto partial, std::int64_t count) HWY_ATTR {
      transpose_step<partial.value, T>(i, count, vs, vb, rectifies, load<partial.value>(x + i, count), r_bar, beta,
                                       x_bar);
    });
    return;
  }
  // Two sums side by side: one alone would wait for each addition.
  Vector<T> sum[2] = {hn::Zero(d), hn::Zero(d)}, cross[2] = {hn::Zero(d), hn::Zero(d)};
  const auto step = [&](std::int64_t i, auto partial, std::int64_t count, int side) HWY_ATTR {
    const auto xi = load<partial.value>(x + i, count);
    const auto u = transpose_step<partial.value, T>(i, count, vs, vb, rectifies, xi, r_bar, beta, x_bar);
    sum[side] = hn::Add(sum[side], u);
    cross[side] = hn::MulAdd(u, xi, cross[side]);
  };
  std::int64_t i = 0;
  for (; i + 2 * kLanes<T> <= P; i += 2 * kLanes<T>) {
    step(i, std::false_type{}, kLanes<T>, 0);
    step(i + kLanes<T>, std::false_type{}, kLanes<T>, 1);
  }
  for (; i + kLanes<T> <= P; i += kLanes<T>)
    step(i, std::false_type{}, kLanes<T>, 0);
  if (i < P)
    step(i, std::true_type{}, P - i, 0);
  *sums = {total<T>(hn::Add(cross[0], cross[1])), total<T>(hn::Add(sum[0], sum[1]))};
}

template <class T>
void add_moments_cotangent_of(std::int64_t P, T factor, const T* z_bar, T c0, T c1, const T* z, T* result) {
  const Lanes<T> d;
  const auto f = hn::Set(d, factor), v0 = hn::Set(d, c0), v1 = hn::Set(d, c1);
  over_plane<T>(P, [&](std::int64_t i, auto partial, std::int64_t count) HWY_ATTR {
    auto value = hn::MulAdd(v1, load<partial.value>(z + i, count), v0);
    if (z_bar != nullptr)
      value = hn::MulAdd(f, load<partial.value>(z_bar + i, count), value);
    store<partial.value, T>(value, result + i, count);
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void load_rows(std::int64_t rows, std::int64_t columns, T s, T b, bool rectifies, const T* x, T* r,
               std::int64_t r_pitch) {
  OCKHAM_DISPATCH(load_rows_of<T>)(rows, columns, s, b, rectifies, x, r, r_pitch);
}
OCKHAM_FOR_FLOATS(load_rows)

template <class T>
void load_transpose(std::int64_t P, T s, T b, bool rectifies, const T* x, const T* r_bar, T beta, T* x_bar,
                    LoadSums* sums) {
  OCKHAM_DISPATCH(load_transpose_of<T>)(P, s, b, rectifies, x, r_bar, beta, x_bar, sums);
}
OCKHAM_FOR_FLOATS(load_transpose)

template <class T>
void add_moments_cotangent(std::int64_t P, T factor, const T* z_bar, T c0, T c1, const T* z, T* result) {
  OCKHAM_DISPATCH(add_moments_cotangent_of<T>)(P, factor, z_bar, c0, c1, z, result);
}
OCKHAM_FOR_FLOATS(add_moments_cotangent)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
