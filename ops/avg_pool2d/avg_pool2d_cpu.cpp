#include "engine/cpu/targets.h"
#include "ops/avg_pool2d/avg_pool2d_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/avg_pool2d/avg_pool2d_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "ops/pool-inl.h"

// Both directions sum over rows first, then over columns: 3 + 3 terms instead of 9.
HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

template <class W, class T>
void average(W w, PoolPlane plane, const T* weights, Lines<T> lines, const T* x, T* y) {
  const Lanes<T> d;
  for (std::int64_t p = 0; p < plane.P; ++p) {
    const std::int64_t first = std::max<std::int64_t>(0, p * w.stride - w.pad);
    const std::int64_t end = std::min(plane.H, p * w.stride - w.pad + w.kernel);
    lines.write(w, lines.data + p * lines.pitch, [&](std::int64_t j) HWY_ATTR {
      auto sum = load_or(x + first * plane.W + j, plane.W - j, T(0));
      for (std::int64_t row = first + 1; row < end; ++row)
        sum = hn::Add(sum, load_or(x + row * plane.W + j, plane.W - j, T(0)));
      return sum;
    });
  }
  for (std::int64_t p = 0; p < plane.P; ++p) {
    const T* line = lines.data + p * lines.pitch;
    for (std::int64_t q = 0; q < plane.Q; q += kLanes<T>) {
      auto sum = hn::LoadU(d, line + q);
      for (std::int64_t s = 1; s < w.kernel; ++s)
        sum = hn::Add(sum, hn::LoadU(d, line + lines.offsets[s] + q));
      const std::int64_t at = p * plane.Q + q;
      put(hn::Mul(sum, load_or(weights + at, plane.Q - q, T(0))), y + at, plane.Q - q);
    }
  }
}

template <class W, class T>
void spread_average(W w, PoolPlane plane, const T* weights, RowSums<T> sums, const T* y_bar, T* x_bar) {
  const Lanes<T> d;
  for (std::int64_t i = 0; i < plane.H; ++i) {
    const Outputs outputs(w, plane, i);
    for (std::int64_t q = 0; q < plane.Q; q += kLanes<T>) {
      auto sum = hn::Zero(d);
      for (std::int64_t at = outputs.first * plane.Q + q; at < outputs.end * plane.Q; at += plane.Q)
        sum = hn::MulAdd(load_or(weights + at, plane.Q - q, T(0)), load_or(y_bar + at, plane.Q - q, T(0)), sum);
      hn::StoreU(sum, d, sums.data + i * sums.row + q);
    }
  }
  for (std::int64_t i = 0; i < plane.H; ++i) {
    const T* line = sums.data + i * sums.row;
    write_row(w, plane.W, x_bar + i * plane.W, [&](std::int64_t s, std::int64_t q) HWY_ATTR {
      auto sum = hn::Zero(d);
      for (; s < w.kernel; s += w.stride, --q)
        sum = hn::Add(sum, hn::LoadU(d, line + q));
      return sum;
    });
  }
}

template <class T>
void average_all(const PoolPlane& plane, std::int64_t planes, const T* weights, const T* x, T* y) {
  ScratchScope scratch;
  const Lines<T> lines(plane, plane.P, T(0), scratch);
  with_window(plane.window, [&](auto window) {
    for (std::int64_t i = 0; i < planes; ++i)
      average(window, plane, weights, lines, x + i * plane.H * plane.W, y + i * plane.P * plane.Q);
  });
}

template <class T>
void spread_average_all(const PoolPlane& plane, std::int64_t planes, const T* weights, const T* y_bar, bool adds,
                        T* x_bar) {
  ScratchScope scratch;
  const RowSums<T> sums(plane, 1, scratch);
  with_window(plane.window, [&](auto window) {
    for (std::int64_t i = 0; i < planes; ++i) {
      write_or_add(plane.H * plane.W, sums.x_bar, adds, x_bar + i * plane.H * plane.W, [&](T* to) HWY_ATTR {
        spread_average(window, plane, weights, sums, y_bar + i * plane.P * plane.Q, to);
      });
    }
  });
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void avg_pool(const PoolPlane& plane, std::int64_t planes, const T* weights, const T* x, T* y) {
  OCKHAM_DISPATCH(average_all<T>)(plane, planes, weights, x, y);
}
OCKHAM_FOR_FLOATS(avg_pool)

template <class T>
void avg_pool_spread(const PoolPlane& plane, std::int64_t planes, const T* weights, const T* y_bar, bool adds,
                     T* x_bar) {
  OCKHAM_DISPATCH(spread_average_all<T>)(plane, planes, weights, y_bar, adds, x_bar);
}
OCKHAM_FOR_FLOATS(avg_pool_spread)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
