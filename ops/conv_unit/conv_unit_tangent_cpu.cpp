#include <type_traits>

#include "engine/cpu/targets.h"
#include "ops/conv_unit/conv_unit_tangent_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv_unit/conv_unit_tangent_cpu.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "engine/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// The vectors of one call of load_tangents() for M directions: D is Lanes, or ShortLanes where a row fills just one of
// them. What comes next is fetched meanwhile: the planes of the following channel lie behind those of this one.
template <int M, bool kMoves, bool kBends, bool kRectifies, class D, class T>
struct TangentLoader {
  TangentLoader(D d, const ChannelLoad<T>& load, const ChannelTangent<T>* tangents)
      : x(load.x), bar(load.bar), s(hn::Set(d, load.s)), b(hn::Set(d, load.b)) {
    HWY_UNROLL(4)
    for (int m = 0; m < M; ++m) {
      x_dot[m] = tangents[m].x_dot;
      r_dot[m] = tangents[m].r_dot;
      s_dot[m] = hn::Set(d, tangents[m].s_dot);
      b_dot[m] = hn::Set(d, tangents[m].b_dot);
      sum[m] = hn::Zero(d);
    }
  }

  // One vector: element i of the plane, element `to` of the copies.
  template <bool kPartial>
  HWY_INLINE void step(std::int64_t i, std::int64_t to, std::int64_t ahead, std::int64_t count) {
    const D d;
    const auto x_i = get<kPartial>(x + i, count);
    hwy::Prefetch(x + i + ahead);
    const auto mask = hn::Gt(hn::MulAdd(s, x_i, b), hn::Zero(d));
    auto bar_i = hn::Zero(d);
    if constexpr (kBends) {
      hwy::Prefetch(bar + i + ahead);
      bar_i = get<kPartial>(bar + i, count);
      if constexpr (kRectifies)
        bar_i = hn::IfThenElseZero(mask, bar_i);
    }
    HWY_UNROLL(4)
    for (int m = 0; m < M; ++m) {
      auto r = hn::MulAdd(s_dot[m], x_i, b_dot[m]);
      if constexpr (kMoves) {
        hwy::Prefetch(x_dot[m] + i + ahead);
        const auto x_dot_i = get<kPartial>(x_dot[m] + i, count);
        r = hn::MulAdd(s, x_dot_i, r);
        if constexpr (kBends)
          sum[m] = hn::MulAdd(bar_i, x_dot_i, sum[m]);
      }
      if constexpr (kRectifies)
        r = hn::IfThenElseZero(mask, r);
      if constexpr (kPartial)
        store_first(r, r_dot[m] + to, count);
      else
        hn::StoreU(r, d, r_dot[m] + to);
    }
  }

  template <bool kPartial>
  static HWY_INLINE hn::Vec<D> get(const T* p, std::int64_t count) {
    if constexpr (kPartial)
      return load_first(p, count);
    else
      return hn::LoadU(D(), p);
  }

  const T *x, *bar;
  const T* x_dot[M];
  T* r_dot[M];
  hn::Vec<D> s, b, s_dot[M], b_dot[M], sum[M];
};

template <int M, bool kMoves, bool kBends, bool kRectifies, class D, class T>
HWY_INLINE void load_rows(D d, std::int64_t rows, std::int64_t columns, const ChannelLoad<T>& load,
                          ChannelTangent<T>* tangents, std::int64_t r_pitch) {
  constexpr std::int64_t kWidth = hn::MaxLanes(D());
  TangentLoader<M, kMoves, kBends, kRectifies, D, T> loader(d, load, tangents);
  for (std::int64_t row = 0; row < rows; ++row) {
    std::int64_t j = 0;
    for (; j + kWidth <= columns; j += kWidth)
      loader.template step<false>(row * columns + j, row * r_pitch + j, rows * columns, kWidth);
    if constexpr (std::is_same_v<D, Lanes<T>>) {
      if (j < columns)
        loader.template step<true>(row * columns + j, row * r_pitch + j, rows * columns, columns - j);
    }
  }
  HWY_UNROLL(4)
  for (int m = 0; m < M; ++m)
    tangents[m].sum = kBends ? static_cast<double>(hn::GetLane(hn::SumOfLanes(d, loader.sum[m]))) : 0.0;
}

template <int M, bool kMoves, bool kBends, bool kRectifies, class T>
void load_of(std::int64_t rows, std::int64_t columns, const ChannelLoad<T>& load, ChannelTangent<T>* tangents,
             std::int64_t r_pitch) {
  if (columns == kShortLanes<T>)
    return load_rows<M, kMoves, kBends, kRectifies>(ShortLanes<T>(), rows, columns, load, tangents, r_pitch);
  load_rows<M, kMoves, kBends, kRectifies>(Lanes<T>(), rows, columns, load, tangents, r_pitch);
}

template <int M, class T>
void load_tangents_of(std::int64_t rows, std::int64_t columns, const ChannelLoad<T>& load,
                      std::span<ChannelTangent<T>> tangents, std::int64_t r_pitch) {
  if constexpr (M > 1) {
    if (std::ssize(tangents) < M)
      return load_tangents_of<M - 1>(rows, columns, load, tangents, r_pitch);
  }
  const bool moves = tangents[0].x_dot != nullptr, bends = load.bar != nullptr;
  const auto run = !moves ? (load.rectifies ? load_of<M, false, false, true, T> : load_of<M, false, false, false, T>)
                   : load.rectifies ? (bends ? load_of<M, true, true, true, T> : load_of<M, true, false, true, T>)
                                    : (bends ? load_of<M, true, true, false, T> : load_of<M, true, false, false, T>);
  run(rows, columns, load, tangents.data(), r_pitch);
}

template <class T>
void load_tangents_all(std::int64_t rows, std::int64_t columns, const ChannelLoad<T>& load,
                       std::span<ChannelTangent<T>> tangents, std::int64_t r_pitch) {
  load_tangents_of<static_cast<int>(kDirectionsAtOnce)>(rows, columns, load, tangents, r_pitch);
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void load_tangents(std::int64_t rows, std::int64_t columns, const ChannelLoad<T>& load,
                   std::span<ChannelTangent<T>> tangents, std::int64_t r_pitch) {
  OCKHAM_DISPATCH(load_tangents_all<T>)(rows, columns, load, tangents, r_pitch);
}
OCKHAM_FOR_FLOATS(load_tangents)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
