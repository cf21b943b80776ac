// What the vector kernels of max_pool2d and avg_pool2d share: rows padded in scratch memory, so that their loops run in
// full vectors from the first column to the last. Included once per instruction set, after hwy/highway.h, by files that
// foreach_target.h compiles several times; hence no #pragma once.
#if defined(OCKHAM_OPS_POOL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef OCKHAM_OPS_POOL_INL_H_
#undef OCKHAM_OPS_POOL_INL_H_
#else
#define OCKHAM_OPS_POOL_INL_H_
#endif

#include <hwy/highway.h>

#include "engine/arena.h"
#include "engine/cpu/vector-inl.h"
#include "ops/pool.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// A PoolWindow whose kernel and stride the compiler knows.
template <int K, int S>
struct FixedWindow {
  static constexpr std::int64_t kernel = K;
  static constexpr std::int64_t stride = S;
  std::int64_t pad;
};

template <class W>
constexpr std::int64_t kStride = 0;  // known at run time only
template <int K, int S>
constexpr std::int64_t kStride<FixedWindow<K, S>> = S;

/// Calls body with w, as a FixedWindow where it is a common one.
template <class Body>
HWY_INLINE void with_window(const PoolWindow& w, Body body) {
  if (w.kernel == 3 && w.stride == 1)
    body(FixedWindow<3, 1>{w.pad});
  else if (w.kernel == 3 && w.stride == 2)
    body(FixedWindow<3, 2>{w.pad});
  else if (w.kernel == 2 && w.stride == 2)
    body(FixedWindow<2, 2>{w.pad});
  else
    body(w);
}

template <class T>
std::int64_t round_to_lanes(std::int64_t n) {
  return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
}

/// The elements from p on, of which `count` exist, and `rest` where there are none.
template <class T>
HWY_INLINE Vector<T> load_or(const T* p, std::int64_t count, T rest) {
  const Lanes<T> d;
  if (count >= kLanes<T>)
    return hn::LoadU(d, p);
  if (count <= 0)
    return hn::Set(d, rest);
  return hn::IfThenElse(hn::FirstN(d, static_cast<std::size_t>(count)), load_first(p, count), hn::Set(d, rest));
}

/// to[0 .. count) = v
template <class T>
HWY_INLINE void put(Vector<T> v, T* to, std::int64_t count) {
  if (count >= kLanes<T>)
    hn::StoreU(v, Lanes<T>(), to);
  else if (count > 0)
    store_first(v, to, count);
}

#if HWY_TARGET == HWY_SCALAR  // one lane
template <class V>
HWY_INLINE V even_lanes(V low, V) {
  return low;
}
template <class V>
HWY_INLINE V odd_lanes(V, V high) {
  return high;
}
#else
template <class V>
HWY_INLINE V even_lanes(V low, V high) {
  return hn::ConcatEven(hn::DFromV<V>(), high, low);
}
template <class V>
HWY_INLINE V odd_lanes(V low, V high) {
  return hn::ConcatOdd(hn::DFromV<V>(), high, low);
}
#endif

/// Rows padded left and right with a value, element j at column j + pad. A line keeps columns of equal remainder modulo
/// the stride together, so that one tap of consecutive outputs reads consecutive elements. What follows the elements of
/// a row up to the next vector is written with each row; the rest is filled once.
template <class T>
struct Lines {
  Lines(const PoolPlane& plane, std::int64_t count, T value, ScratchScope& scratch)
      : columns(plane.W), stride(plane.window.stride), pad(plane.window.pad) {
    const std::int64_t kernel = plane.window.kernel;
    const std::int64_t shift = std::max((pad + stride - 1) / stride, (kernel - 1) / stride);
    phase = round_to_lanes<T>(shift + round_to_lanes<T>(std::max((columns + stride - 1) / stride, plane.Q)));
    pitch = stride * phase;
    data = scratch.take<T>(count * pitch);
    std::fill_n(data, count * pitch, value);
    offsets = scratch.take<std::int64_t>(kernel);
    for (std::int64_t s = 0; s < kernel; ++s)
      offsets[s] = at(s);
  }

  /// Where a line keeps a column.
  std::int64_t at(std::int64_t column) const { return column % stride * phase + column / stride; }

  /// Writes a line; load(j) are the elements from j on, followed by the value for padding.
  template <class W, class Load>
  HWY_INLINE void write(W, T* line, Load load) const {
    const Lanes<T> d;
    if constexpr (kStride<W> == 1) {
      for (std::int64_t j = 0; j < columns; j += kLanes<T>)
        hn::StoreU(load(j), d, line + pad + j);
    } else if constexpr (kStride<W> == 2) {
      T* even = line + at(pad);
      T* odd = line + at(pad + 1);
      for (std::int64_t m = 0; 2 * m < columns; m += kLanes<T>) {
        const auto low = load(2 * m);
        const auto high = load(2 * m + kLanes<T>);
        hn::StoreU(even_lanes(low, high), d, even + m);
        hn::StoreU(odd_lanes(low, high), d, odd + m);
      }
    } else {
      alignas(64) T some[kLanes<T>];
      T* to = line + at(pad);
      T* const last_part = line + (stride - 1) * phase;
      for (std::int64_t j = 0; j < columns; j += kLanes<T>) {
        hn::Store(load(j), d, some);
        for (std::int64_t i = 0; i < std::min(kLanes<T>, columns - j); ++i) {
          *to = some[i];
          to += to < last_part ? phase : 1 - (stride - 1) * phase;
        }
      }
    }
  }

  std::int64_t columns, stride, pad, phase, pitch;
  T* data;
  std::int64_t* offsets;  // of the taps of a window
};

/// Sums over outputs on their way to x_bar: `lines` lines for each of its rows, each with one element per output column
/// between zeros.
template <class T>
struct RowSums {
  RowSums(const PoolPlane& plane, std::int64_t lines, ScratchScope& scratch)
      : lead((plane.window.kernel - 1) / plane.window.stride) {
    const std::int64_t stride = plane.window.stride;
    const std::int64_t shift = (plane.window.pad + stride - 1) / stride;
    pitch = round_to_lanes<T>(lead + shift + round_to_lanes<T>(std::max((plane.W + stride - 1) / stride, plane.Q)));
    row = lines * pitch;
    data = scratch.take_zeros<T>(plane.H * row) + lead;
    x_bar = scratch.take<T>(plane.H * plane.W);
  }

  std::int64_t lead, pitch, row;
  T* data;
  T* x_bar;  // of a plane, before it is added to what is there
};

/// The outputs whose windows hold row i: p stride <= i + pad < p stride + kernel.
struct Outputs {
  template <class W>
  Outputs(W w, const PoolPlane& plane, std::int64_t i)
      : first(std::max<std::int64_t>(0, (i + w.pad - w.kernel + w.stride) / w.stride)),
        end(std::min(plane.P, (i + w.pad) / w.stride + 1)) {}
  std::int64_t first, end;
};

/// A row of x_bar from sums over outputs: sum(s, q) adds up what taps s, s + stride, ... send to it from output columns
/// q, q - 1, ..., for a vector of q.
template <class W, class T, class Sum>
HWY_INLINE void write_row(W w, std::int64_t columns, T* row, Sum sum) {
  const Lanes<T> d;
  if constexpr (kStride<W> == 1) {
    for (std::int64_t j = 0; j < columns; j += kLanes<T>)
      put(sum(std::int64_t{0}, j + w.pad), row + j, columns - j);
  } else if constexpr (kStride<W> == 2) {
    alignas(64) T both[2 * kLanes<T>];
    for (std::int64_t m = 0; 2 * m < columns; m += kLanes<T>) {
      hn::StoreInterleaved2(sum(w.pad % 2, m + w.pad / 2), sum((w.pad + 1) % 2, m + (w.pad + 1) / 2), d, both);
      put(hn::Load(d, both), row + 2 * m, columns - 2 * m);
      put(hn::Load(d, both + kLanes<T>), row + 2 * m + kLanes<T>, columns - 2 * m - kLanes<T>);
    }
  } else {
    alignas(64) T some[kLanes<T>];
    for (std::int64_t e = 0; e < std::min(w.stride, columns); ++e) {
      for (std::int64_t m = 0; m * w.stride + e < columns; m += kLanes<T>) {
        hn::Store(sum((e + w.pad) % w.stride, m + (e + w.pad) / w.stride), d, some);
        for (std::int64_t i = 0, j = m * w.stride + e; i < kLanes<T> && j < columns; ++i, j += w.stride)
          row[j] = some[i];
      }
    }
  }
}

/// to (+)= what write(result) leaves in result[0 .. n). The addition is a loop of its own, over the whole plane: adding
/// row by row, a load that straddles two rows would wait for the partial store before it.
template <class T, class Write>
HWY_INLINE void write_or_add(std::int64_t n, T* scratch, bool adds, T* to, Write write) {
  const Lanes<T> d;
  if (!adds)
    return write(to);
  write(scratch);
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    hn::StoreU(hn::Add(hn::LoadU(d, to + i), hn::LoadU(d, scratch + i)), d, to + i);
  if (i < n)
    store_first(hn::Add(load_first(to + i, n - i), load_first(scratch + i, n - i)), to + i, n - i);
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#endif
