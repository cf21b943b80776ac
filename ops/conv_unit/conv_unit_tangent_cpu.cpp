#include "ops/conv_unit/conv_unit_tangent_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv_unit/conv_unit_tangent_cpu.cpp"
#define HWY_DISABLED_TARGETS HWY_SSSE3
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/vector-inl.h"
#include "engine/simd.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

template <class D, class T>
HWY_INLINE double total(D d, hn::Vec<D> v) {
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, v)));
}

// The vectors of one call of load_tangent(): D is Lanes, or ShortLanes where a row fills just one of them.
template <bool kMoves, bool kBends, bool kRectifies, class D, class T>
struct TangentLoader {
  TangentLoader(D, const TangentLoad<T>& load)
      : s(hn::Set(D(), load.s)),
        b(hn::Set(D(), load.b)),
        s_dot(hn::Set(D(), load.s_dot)),
        b_dot(hn::Set(D(), load.b_dot)),
        sum(hn::Zero(D())) {}

  HWY_INLINE hn::Vec<D> step(hn::Vec<D> x, hn::Vec<D> x_dot, hn::Vec<D> bar) {
    auto r_dot = hn::MulAdd(s_dot, x, b_dot);
    if constexpr (kMoves)
      r_dot = hn::MulAdd(s, x_dot, r_dot);
    if constexpr (!kRectifies) {
      if constexpr (kBends)
        sum = hn::MulAdd(bar, x_dot, sum);
      return r_dot;
    }
    const auto mask = hn::Gt(hn::MulAdd(s, x, b), hn::Zero(D()));
    if constexpr (kBends)
      sum = hn::MulAdd(hn::IfThenElseZero(mask, bar), x_dot, sum);
    return hn::IfThenElseZero(mask, r_dot);
  }

  hn::Vec<D> s, b, s_dot, b_dot, sum;
};

template <bool kMoves, bool kBends, bool kRectifies, class T>
double load_short_rows(std::int64_t rows, const TangentLoad<T>& load, const T* x, const T* x_dot, const T* bar,
                       T* r_dot, std::int64_t r_pitch) {
  const ShortLanes<T> d;
  TangentLoader<kMoves, kBends, kRectifies, ShortLanes<T>, T> loader(d, load);
  const auto zero = hn::Zero(d);
  for (std::int64_t i = 0; i < rows * kShortLanes<T>; i += kShortLanes<T>, r_dot += r_pitch)
    hn::StoreU(loader.step(hn::LoadU(d, x + i), kMoves ? hn::LoadU(d, x_dot + i) : zero,
                           kBends ? hn::LoadU(d, bar + i) : zero),
               d, r_dot);
  return kBends ? total<ShortLanes<T>, T>(d, loader.sum) : 0.0;
}

template <bool kMoves, bool kBends, bool kRectifies, class T>
double load_long_rows(std::int64_t rows, std::int64_t columns, const TangentLoad<T>& load, const T* x, const T* x_dot,
                      const T* bar, T* r_dot, std::int64_t r_pitch) {
  const Lanes<T> d;
  TangentLoader<kMoves, kBends, kRectifies, Lanes<T>, T> loader(d, load);
  const auto zero = hn::Zero(d);
  for (std::int64_t row = 0; row < rows; ++row, r_dot += r_pitch) {
    const std::int64_t at = row * columns;
    std::int64_t j = 0;
    for (; j + kLanes<T> <= columns; j += kLanes<T>) {
      if constexpr (kMoves)
        hwy::Prefetch(x_dot + at + j + rows * columns);
      hn::StoreU(loader.step(hn::LoadU(d, x + at + j), kMoves ? hn::LoadU(d, x_dot + at + j) : zero,
                             kBends ? hn::LoadU(d, bar + at + j) : zero),
                 d, r_dot + j);
    }
    if (const std::int64_t rest = columns - j; rest > 0)
      store_first(loader.step(load_first(x + at + j, rest), kMoves ? load_first(x_dot + at + j, rest) : zero,
                              kBends ? load_first(bar + at + j, rest) : zero),
                  r_dot + j, rest);
  }
  return kBends ? total<Lanes<T>, T>(d, loader.sum) : 0.0;
}

template <bool kMoves, bool kBends, bool kRectifies, class T>
double load_rows_of(std::int64_t rows, std::int64_t columns, const TangentLoad<T>& load, const T* x, const T* x_dot,
                    const T* bar, T* r_dot, std::int64_t r_pitch) {
  if (columns == kShortLanes<T>)
    return load_short_rows<kMoves, kBends, kRectifies>(rows, load, x, x_dot, bar, r_dot, r_pitch);
  return load_long_rows<kMoves, kBends, kRectifies>(rows, columns, load, x, x_dot, bar, r_dot, r_pitch);
}

template <class T>
double load_tangent_of(std::int64_t rows, std::int64_t columns, const TangentLoad<T>& load, const T* x, const T* x_dot,
                       const T* bar, T* r_dot, std::int64_t r_pitch) {
  const bool bends = bar != nullptr;
  const auto run =
      x_dot == nullptr ? (load.rectifies ? load_rows_of<false, false, true, T> : load_rows_of<false, false, false, T>)
      : load.rectifies ? (bends ? load_rows_of<true, true, true, T> : load_rows_of<true, false, true, T>)
                       : (bends ? load_rows_of<true, true, false, T> : load_rows_of<true, false, false, T>);
  return run(rows, columns, load, x, x_dot, bar, r_dot, r_pitch);
}

// HWY_EXPORT takes no templates.
#define OCKHAM_EXPORTS(T, suffix)                                                                               \
  double load_tangent_##suffix(std::int64_t rows, std::int64_t columns, const TangentLoad<T>& load, const T* x, \
                               const T* x_dot, const T* bar, T* r_dot, std::int64_t r_pitch) {                  \
    return load_tangent_of(rows, columns, load, x, x_dot, bar, r_dot, r_pitch);                                 \
  }
OCKHAM_EXPORTS(float, f32)
OCKHAM_EXPORTS(double, f64)
#undef OCKHAM_EXPORTS

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {
HWY_EXPORT(load_tangent_f32);
HWY_EXPORT(load_tangent_f64);

#define OCKHAM_DISPATCH(T, suffix)                                                                                     \
  template <>                                                                                                          \
  double load_tangent(std::int64_t rows, std::int64_t columns, const TangentLoad<T>& load, const T* x, const T* x_dot, \
                      const T* bar, T* r_dot, std::int64_t r_pitch) {                                                  \
    instruction_set(); /* reads OCKHAM_ISA before the first dispatch */                                                \
    return HWY_DYNAMIC_DISPATCH(load_tangent_##suffix)(rows, columns, load, x, x_dot, bar, r_dot, r_pitch);            \
  }
OCKHAM_DISPATCH(float, f32)
OCKHAM_DISPATCH(double, f64)
#undef OCKHAM_DISPATCH

}  // namespace ockham::cpu
#endif  // HWY_ONCE
