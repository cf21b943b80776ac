#include "engine/cpu/targets.h"
#include "ops/conv2d/conv2d_planes.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv2d/conv2d_stride_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "engine/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// A row's elements 0, 2, ..., 2 (width - 1). Pairs are loaded whole: the element behind the last is left alone.
template <class T>
HWY_INLINE void take_second(std::int64_t width, const T* from, T* to) {
  const ShortLanes<T> d;
  std::int64_t j = 0;
  for (; j + kShortLanes<T> < width; j += kShortLanes<T>) {
    hn::Vec<ShortLanes<T>> even, odd;
    hn::LoadInterleaved2(d, from + 2 * j, even, odd);
    hn::StoreU(even, d, to + j);
  }
  for (; j < width; ++j)
    to[j] = from[2 * j];
}

template <class T>
void take_second_all(std::int64_t rows, std::int64_t width, const T* from, std::int64_t from_pitch, T* to,
                     std::int64_t to_pitch) {
  for (std::int64_t i = 0; i < rows; ++i, from += from_pitch, to += to_pitch) {
    if (width != kShortLanes<T> || i + 1 == rows) {
      take_second(width, from, to);
      continue;
    }
    const ShortLanes<T> d;  // the element behind a row is the next row's
    hn::Vec<ShortLanes<T>> even, odd;
    hn::LoadInterleaved2(d, from, even, odd);
    hn::StoreU(even, d, to);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void copy_second_columns(std::int64_t rows, std::int64_t width, const T* from, std::int64_t from_pitch, T* to,
                         std::int64_t to_pitch) {
  OCKHAM_DISPATCH(take_second_all<T>)(rows, width, from, from_pitch, to, to_pitch);
}
OCKHAM_FOR_FLOATS(copy_second_columns)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
