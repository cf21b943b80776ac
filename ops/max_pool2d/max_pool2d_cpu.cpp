#include <limits>

#include "engine/cpu/targets.h"
#include "ops/max_pool2d/max_pool2d_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/max_pool2d/max_pool2d_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "ops/pool-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// Numbers of taps in lanes as wide as T.
template <class T>
using TapLanes = hn::RebindToUnsigned<Lanes<T>>;
template <class T>
using TapNumber = hn::TFromD<TapLanes<T>>;
template <class T>
using TapBytes = hn::Rebind<std::uint8_t, Lanes<T>>;

template <class T>
constexpr T kLowest = -std::numeric_limits<T>::infinity();

// Scratch for one plane after another.
template <class T>
struct MaximaScratch {
  MaximaScratch(const PoolPlane& plane, ScratchScope& scratch)
      : lines(plane, plane.H + 2 * plane.window.pad, kLowest<T>, scratch),
        taps(scratch.take<std::uint8_t>(plane.P * plane.Q + kLanes<T>)),
        first_columns(scratch.take_zeros<TapNumber<T>>(round_to_lanes<T>(plane.Q))) {
    const auto [kernel, stride, pad] = plane.window;
    for (std::int64_t q = 0; q < std::min(plane.Q, pad); ++q)
      first_columns[q] = static_cast<TapNumber<T>>(std::max<std::int64_t>(0, pad - q * stride));
  }

  Lines<T> lines;
  std::uint8_t* taps;           // a plane's, with room behind for a vector
  TapNumber<T>* first_columns;  // of each window, inside the plane
};

// True if there was a NaN among the elements.
template <class W, class T>
bool write_lines(W w, PoolPlane plane, Lines<T> lines, const T* x) {
  const Lanes<T> d;
  auto is_nan = hn::FirstN(d, 0);
  for (std::int64_t h = 0; h < plane.H; ++h) {
    lines.write(w, lines.data + (h + w.pad) * lines.pitch, [&](std::int64_t j) HWY_ATTR {
      const auto v = load_or(x + h * plane.W + j, plane.W - j, kLowest<T>);
      is_nan = hn::Or(is_nan, hn::IsNaN(v));
      return v;
    });
  }
  return !hn::AllFalse(d, is_nan);
}

// A tap is taken if it is larger than those before it, or NaN; padding, being -inf, never is. Where all are -inf it
// stays with the first inside the plane.
template <bool kHasNaN, class W, class T>
void find_maxima(W w, PoolPlane plane, MaximaScratch<T> scratch, T* y) {
  const Lanes<T> d;
  const TapLanes<T> d_tap;
  const Lines<T> lines = scratch.lines;
  for (std::int64_t p = 0; p < plane.P; ++p) {
    const std::int64_t rows_above = std::max<std::int64_t>(0, w.pad - p * w.stride);
    const auto first_row = hn::Set(d_tap, static_cast<TapNumber<T>>(rows_above * w.kernel));
    for (std::int64_t q = 0; q < plane.Q; q += kLanes<T>) {
      auto best = hn::Set(d, kLowest<T>);
      auto taps = hn::Add(first_row, hn::LoadU(d_tap, scratch.first_columns + q));
      for (std::int64_t r = 0; r < w.kernel; ++r) {
        const T* line = lines.data + (p * w.stride + r) * lines.pitch + q;
        for (std::int64_t s = 0; s < w.kernel; ++s) {
          const auto value = hn::LoadU(d, line + lines.offsets[s]);
          auto is_larger = hn::Gt(value, best);
          if constexpr (kHasNaN)
            is_larger = hn::Or(is_larger, hn::IsNaN(value));
          best = hn::IfThenElse(is_larger, value, best);
          taps = hn::IfThenElse(hn::RebindMask(d_tap, is_larger),
                                hn::Set(d_tap, static_cast<TapNumber<T>>(r * w.kernel + s)), taps);
        }
      }
      const std::int64_t at = p * plane.Q + q;
      put(best, y + at, plane.Q - q);
      hn::StoreU(hn::TruncateTo(TapBytes<T>(), taps), TapBytes<T>(), scratch.taps + at);
    }
  }
}

template <class T>
void maxima_all(const PoolPlane& plane, std::int64_t planes, const T* x, T* y, std::uint8_t* taps) {
  ScratchScope scope;
  const MaximaScratch<T> scratch(plane, scope);
  with_window(plane.window, [&](auto window) {
    for (std::int64_t i = 0; i < planes; ++i) {
      const std::int64_t out = i * plane.P * plane.Q;
      if (write_lines(window, plane, scratch.lines, x + i * plane.H * plane.W))
        find_maxima<true>(window, plane, scratch, y + out);
      else
        find_maxima<false>(window, plane, scratch, y + out);
      std::copy_n(scratch.taps, plane.P * plane.Q, taps + out);
    }
  });
}

template <class T>
HWY_INLINE hn::Vec<TapLanes<T>> widen(hn::Vec<TapBytes<T>> bytes) {
  const TapLanes<T> d;
  if constexpr (sizeof(T) == 8)
    return hn::PromoteTo(d, hn::PromoteTo(hn::Rebind<std::uint32_t, Lanes<T>>(), bytes));
  else
    return hn::PromoteTo(d, bytes);
}

// Every element asks each window that holds it, here 3x3 with stride 1, whether it was chosen. Sums over rows first,
// apart for each column of the window. `bytes` are the taps, with room behind for a vector.
template <class W, class T>
void spread_maxima(W w, PoolPlane plane, RowSums<T> sums, const std::uint8_t* bytes, const T* y_bar, T* x_bar) {
  const Lanes<T> d;
  const TapLanes<T> d_tap;
  for (std::int64_t i = 0; i < plane.H; ++i) {
    const Outputs outputs(w, plane, i);
    for (std::int64_t q = 0; q < plane.Q; q += kLanes<T>) {
      Vector<T> sum[w.kernel];
      HWY_UNROLL(3)
      for (auto& v : sum)
        v = hn::Zero(d);
      for (std::int64_t p = outputs.first; p < outputs.end; ++p) {
        const std::int64_t at = p * plane.Q + q;
        const auto chosen = widen<T>(hn::LoadU(TapBytes<T>(), bytes + at));
        const auto g = load_or(y_bar + at, plane.Q - q, T(0));
        const std::int64_t first_tap = (i + w.pad - p) * w.kernel;
        HWY_UNROLL(3)
        for (std::int64_t s = 0; s < w.kernel; ++s) {
          const auto is_chosen = hn::Eq(chosen, hn::Set(d_tap, static_cast<TapNumber<T>>(first_tap + s)));
          sum[s] = hn::IfThenElse(hn::RebindMask(d, is_chosen), hn::Add(sum[s], g), sum[s]);
        }
      }
      HWY_UNROLL(3)
      for (std::int64_t s = 0; s < w.kernel; ++s)
        hn::StoreU(sum[s], d, sums.data + i * sums.row + s * sums.pitch + q);
    }
  }
  for (std::int64_t i = 0; i < plane.H; ++i) {
    const T* line = sums.data + i * sums.row;
    write_row(w, plane.W, x_bar + i * plane.W, [&](std::int64_t, std::int64_t q) HWY_ATTR {
      auto sum = hn::LoadU(d, line + q);
      for (std::int64_t s = 1; s < w.kernel; ++s)
        sum = hn::Add(sum, hn::LoadU(d, line + s * sums.pitch + q - s));
      return sum;
    });
  }
}

template <class T>
void spread_maxima_all(const PoolPlane& plane, std::int64_t planes, const std::uint8_t* taps, const T* y_bar, bool adds,
                       T* x_bar) {
  const auto [kernel, stride, pad] = plane.window;
  const std::int64_t x_size = plane.H * plane.W;
  const std::int64_t y_size = plane.P * plane.Q;
  // To compare all taps pays with 8 lanes or more, and where windows are small and as many as elements.
  if (kLanes<T> < 8 || kernel != 3 || stride != 1) {
    if (!adds)
      std::fill_n(x_bar, planes * x_size, T(0));
    return scatter_chosen(plane, planes, taps, y_bar, x_bar);
  }
  ScratchScope scratch;
  const RowSums<T> sums(plane, kernel, scratch);
  auto* bytes = scratch.take_zeros<std::uint8_t>(y_size + kLanes<T>);
  for (std::int64_t i = 0; i < planes; ++i) {
    std::copy_n(taps + i * y_size, y_size, bytes);
    write_or_add(x_size, sums.x_bar, adds, x_bar + i * x_size, [&, pad = pad](T* to) HWY_ATTR {
      spread_maxima(FixedWindow<3, 1>{pad}, plane, sums, bytes, y_bar + i * y_size, to);
    });
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void max_pool(const PoolPlane& plane, std::int64_t planes, const T* x, T* y, std::uint8_t* taps) {
  OCKHAM_DISPATCH(maxima_all<T>)(plane, planes, x, y, taps);
}
OCKHAM_FOR_FLOATS(max_pool)

template <class T>
void max_pool_spread(const PoolPlane& plane, std::int64_t planes, const std::uint8_t* taps, const T* y_bar, bool adds,
                     T* x_bar) {
  OCKHAM_DISPATCH(spread_maxima_all<T>)(plane, planes, taps, y_bar, adds, x_bar);
}
OCKHAM_FOR_FLOATS(max_pool_spread)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
