#include "ops/conv2d/conv2d_taps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv2d/conv2d_taps_cpu.cpp"
#define HWY_DISABLED_TARGETS HWY_SSSE3
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/vector-inl.h"
#include "engine/simd.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// out[0 .. V vectors)
template <int V, class T>
HWY_INLINE void correlate_block(std::int64_t taps, const T* in, const std::int64_t* offsets, const T* weights, T* out) {
  const Lanes<T> d;
  Vector<T> sum[V];
  HWY_UNROLL(16)
  for (auto& v : sum)
    v = hn::Zero(d);
  for (std::int64_t t = 0; t < taps; ++t) {
    const auto weight = hn::Set(d, weights[t]);
    const T* shifted = in + offsets[t];
    HWY_UNROLL(16)
    for (int v = 0; v < V; ++v)
      sum[v] = hn::MulAdd(weight, hn::LoadU(d, shifted + v * kLanes<T>), sum[v]);
  }
  HWY_UNROLL(16)
  for (int v = 0; v < V; ++v)
    hn::StoreU(sum[v], d, out + v * kLanes<T>);
}

template <class T>
void correlate_all(std::int64_t n, std::int64_t taps, const T* in, const std::int64_t* offsets, const T* weights,
                   T* out) {
  constexpr int kBlock = 6;  // enough independent sums to hide the latency of a multiply-add
  std::int64_t i = 0;
  for (; i + kBlock * kLanes<T> <= n; i += kBlock * kLanes<T>)
    correlate_block<kBlock>(taps, in + i, offsets, weights, out + i);
  for (; i + 2 * kLanes<T> <= n; i += 2 * kLanes<T>)
    correlate_block<2>(taps, in + i, offsets, weights, out + i);
  for (; i < n; i += kLanes<T>)
    correlate_block<1>(taps, in + i, offsets, weights, out + i);
}

template <int kTaps, class T>
HWY_INLINE void dots_block(std::int64_t n, const T* y, const T* in, const std::int64_t* offsets, T* out) {
  const Lanes<T> d;
  Vector<T> sum[kTaps];
  HWY_UNROLL(16)
  for (auto& v : sum)
    v = hn::Zero(d);
  for (std::int64_t i = 0; i < n; i += kLanes<T>) {
    const auto y_i = hn::LoadU(d, y + i);
    HWY_UNROLL(16)
    for (int t = 0; t < kTaps; ++t)
      sum[t] = hn::MulAdd(y_i, hn::LoadU(d, in + offsets[t] + i), sum[t]);
  }
  HWY_UNROLL(16)
  for (int t = 0; t < kTaps; ++t)
    out[t] = hn::GetLane(hn::SumOfLanes(d, sum[t]));
}

template <class T>
void dots_all(std::int64_t n, std::int64_t taps, const T* y, const T* in, const std::int64_t* offsets, T* out) {
  std::int64_t t = 0;
  for (; t + 9 <= taps; t += 9)
    dots_block<9>(n, y, in, offsets + t, out + t);
  for (; t + 4 <= taps; t += 4)
    dots_block<4>(n, y, in, offsets + t, out + t);
  for (; t < taps; ++t)
    dots_block<1>(n, y, in, offsets + t, out + t);
}

template <bool kAdds, class T>
HWY_INLINE void copy_row(std::int64_t columns, const T* from, T* to) {
  const Lanes<T> d;
  std::int64_t j = 0;
  for (; j + kLanes<T> <= columns; j += kLanes<T>) {
    auto v = hn::LoadU(d, from + j);
    if constexpr (kAdds)
      v = hn::Add(v, hn::LoadU(d, to + j));
    hn::StoreU(v, d, to + j);
  }
  if (j < columns) {
    auto v = load_first(from + j, columns - j);
    if constexpr (kAdds)
      v = hn::Add(v, load_first(to + j, columns - j));
    store_first(v, to + j, columns - j);
  }
}

template <class T>
void copy_all(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_pitch, T beta, T* to,
              std::int64_t to_pitch) {
  for (std::int64_t i = 0; i < rows; ++i, from += from_pitch, to += to_pitch) {
    if (beta == T(0))
      copy_row<false>(columns, from, to);
    else
      copy_row<true>(columns, from, to);
  }
}

// HWY_EXPORT takes no templates.
#define OCKHAM_EXPORTS(T, suffix)                                                                                    \
  void correlate_##suffix(std::int64_t n, std::int64_t taps, const T* in, const std::int64_t* offsets,               \
                          const T* weights, T* out) {                                                                \
    correlate_all(n, taps, in, offsets, weights, out);                                                               \
  }                                                                                                                  \
  void dots_##suffix(std::int64_t n, std::int64_t taps, const T* y, const T* in, const std::int64_t* offsets,        \
                     T* out) {                                                                                       \
    dots_all(n, taps, y, in, offsets, out);                                                                          \
  }                                                                                                                  \
  void copy_##suffix(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_pitch, T beta, T* to, \
                     std::int64_t to_pitch) {                                                                        \
    copy_all(rows, columns, from, from_pitch, beta, to, to_pitch);                                                   \
  }
OCKHAM_EXPORTS(float, f32)
OCKHAM_EXPORTS(double, f64)
#undef OCKHAM_EXPORTS

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {
HWY_EXPORT(correlate_f32);
HWY_EXPORT(correlate_f64);
HWY_EXPORT(dots_f32);
HWY_EXPORT(dots_f64);
HWY_EXPORT(copy_f32);
HWY_EXPORT(copy_f64);

#define OCKHAM_DISPATCH(T, suffix)                                                                                 \
  template <>                                                                                                      \
  void correlate(std::int64_t n, std::int64_t taps, const T* in, const std::int64_t* offsets, const T* weights,    \
                 T* out) {                                                                                         \
    instruction_set(); /* reads OCKHAM_ISA before the first dispatch */                                            \
    HWY_DYNAMIC_DISPATCH(correlate_##suffix)(n, taps, in, offsets, weights, out);                                  \
  }                                                                                                                \
  template <>                                                                                                      \
  void tap_dots(std::int64_t n, std::int64_t taps, const T* y, const T* in, const std::int64_t* offsets, T* out) { \
    instruction_set();                                                                                             \
    HWY_DYNAMIC_DISPATCH(dots_##suffix)(n, taps, y, in, offsets, out);                                             \
  }                                                                                                                \
  template <>                                                                                                      \
  void copy_rows(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_pitch, T beta, T* to,   \
                 std::int64_t to_pitch) {                                                                          \
    instruction_set();                                                                                             \
    HWY_DYNAMIC_DISPATCH(copy_##suffix)(rows, columns, from, from_pitch, beta, to, to_pitch);                      \
  }
OCKHAM_DISPATCH(float, f32)
OCKHAM_DISPATCH(double, f64)
#undef OCKHAM_DISPATCH

}  // namespace ockham::cpu
#endif  // HWY_ONCE
