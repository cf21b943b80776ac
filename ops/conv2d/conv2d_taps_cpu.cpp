#include "engine/cpu/targets.h"
#include "ops/conv2d/conv2d_taps.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/conv2d/conv2d_taps_cpu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "engine/cpu/vector-inl.h"

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
  const ShortLanes<T> half;
  if (j + kShortLanes<T> <= columns) {
    auto v = hn::LoadU(half, from + j);
    if constexpr (kAdds)
      v = hn::Add(v, hn::LoadU(half, to + j));
    hn::StoreU(v, half, to + j);
    j += kShortLanes<T>;
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

// out[0 .. R rows, 0 .. V vectors of D], rows of out following one another at `columns`.
template <int R, int V, class D, class T>
HWY_INLINE void rows_block(D d, std::int64_t columns, std::int64_t pitch, std::int64_t taps, const T* in,
                           const std::int64_t* offsets, const T* weights, T* out) {
  constexpr std::int64_t kWidth = hn::MaxLanes(D());
  hn::Vec<D> sum[R][V];
  HWY_UNROLL(16)
  for (auto& row : sum) {
    HWY_UNROLL(16)
    for (auto& v : row)
      v = hn::Zero(d);
  }
  for (std::int64_t t = 0; t < taps; ++t) {
    const auto weight = hn::Set(d, weights[t]);
    const T* shifted = in + offsets[t];
    HWY_UNROLL(16)
    for (int r = 0; r < R; ++r) {
      HWY_UNROLL(16)
      for (int v = 0; v < V; ++v)
        sum[r][v] = hn::MulAdd(weight, hn::LoadU(d, shifted + r * pitch + v * kWidth), sum[r][v]);
    }
  }
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(16)
    for (int v = 0; v < V; ++v)
      hn::StoreU(sum[r][v], d, out + r * columns + v * kWidth);
  }
}

template <int V, class D, class T>
HWY_INLINE void rows_strip(D d, std::int64_t rows, std::int64_t columns, std::int64_t pitch, std::int64_t taps,
                           const T* in, const std::int64_t* offsets, const T* weights, T* out) {
  constexpr int kRows = 8 / V;  // enough independent sums to hide the latency of a multiply-add
  std::int64_t i = 0;
  for (; i + kRows <= rows; i += kRows)
    rows_block<kRows, V>(d, columns, pitch, taps, in + i * pitch, offsets, weights, out + i * columns);
  for (; i < rows; ++i)
    rows_block<1, V>(d, columns, pitch, taps, in + i * pitch, offsets, weights, out + i * columns);
}

// out[0 .. R rows, 0 .. V vectors of D] of a K x K kernel whose taps lie `dilation` apart: a vector of a row of the
// input, once loaded, serves every row of outputs that a tap row leads to. Loads, which cross cache lines, bound this
// kernel.
template <int K, int kDilation, int R, int V, class D, class T>
HWY_INLINE void grid_block(D d, std::int64_t columns, std::int64_t pitch, const T* in, const T* weights, T* out) {
  constexpr std::int64_t kWidth = hn::MaxLanes(D());
  hn::Vec<D> sum[R][V];
  HWY_UNROLL(16)
  for (auto& row : sum) {
    HWY_UNROLL(16)
    for (auto& v : row)
      v = hn::Zero(d);
  }
  for (int s = 0; s < K; ++s) {
    hn::Vec<D> weight[K];
    HWY_UNROLL(16)
    for (int r = 0; r < K; ++r)
      weight[r] = hn::Set(d, weights[r * K + s]);
    HWY_UNROLL(16)
    for (int row = 0; row < R + (K - 1) * kDilation; ++row) {
      HWY_UNROLL(16)
      for (int v = 0; v < V; ++v) {
        const auto x = hn::LoadU(d, in + row * pitch + s * kDilation + v * kWidth);
        HWY_UNROLL(16)
        for (int r = 0; r < K; ++r) {
          const int i = row - r * kDilation;
          if (i >= 0 && i < R)
            sum[i][v] = hn::MulAdd(weight[r], x, sum[i][v]);
        }
      }
    }
  }
  HWY_UNROLL(16)
  for (int r = 0; r < R; ++r) {
    HWY_UNROLL(16)
    for (int v = 0; v < V; ++v)
      hn::StoreU(sum[r][v], d, out + r * columns + v * kWidth);
  }
}

template <int K, int kDilation, int V, class D, class T>
HWY_INLINE void grid_strip(D d, std::int64_t rows, std::int64_t columns, std::int64_t pitch, const T* in,
                           const T* weights, T* out) {
  constexpr int kRows = 8 / V;
  for (std::int64_t i = 0; i < rows; i += kRows)
    grid_block<K, kDilation, kRows, V>(d, columns, pitch, in + i * pitch, weights, out + i * columns);
}

template <int K, int kDilation, class T>
void grid_all(std::int64_t rows, std::int64_t columns, std::int64_t pitch, const T* in, const T* weights, T* out) {
  std::int64_t j = 0;
  for (; j + 2 * kLanes<T> <= columns; j += 2 * kLanes<T>)
    grid_strip<K, kDilation, 2>(Lanes<T>(), rows, columns, pitch, in + j, weights, out + j);
  for (; j + kLanes<T> <= columns; j += kLanes<T>)
    grid_strip<K, kDilation, 1>(Lanes<T>(), rows, columns, pitch, in + j, weights, out + j);
  for (; j < columns; j += kShortLanes<T>)
    grid_strip<K, kDilation, 1>(ShortLanes<T>(), rows, columns, pitch, in + j, weights, out + j);
}

template <class T>
void correlate_grid_all(std::int64_t K, std::int64_t dilation, std::int64_t rows, std::int64_t columns,
                        std::int64_t pitch, const T* in, const T* weights, T* out) {
  if (K == 3)
    dilation == 1 ? grid_all<3, 1>(rows, columns, pitch, in, weights, out)
                  : grid_all<3, 2>(rows, columns, pitch, in, weights, out);
  else
    dilation == 1 ? grid_all<5, 1>(rows, columns, pitch, in, weights, out)
                  : grid_all<5, 2>(rows, columns, pitch, in, weights, out);
}

// out[r K + first + s] of tap_dots_grid() for S columns of taps: blocks of four rows of y meet each vector of x once.
template <int K, int kDilation, int S, class D, class T>
HWY_INLINE void grid_dots(D d, std::int64_t rows, std::int64_t columns, std::int64_t pitch, const T* y, const T* in,
                          int first, T* out) {
  constexpr int kRows = 4;
  hn::Vec<D> sum[K][S];
  HWY_UNROLL(16)
  for (auto& row : sum) {
    HWY_UNROLL(16)
    for (auto& v : row)
      v = hn::Zero(d);
  }
  for (std::int64_t i = 0; i < rows; i += kRows) {
    for (std::int64_t j = 0; j < columns; j += hn::MaxLanes(D())) {
      hn::Vec<D> g[kRows];
      HWY_UNROLL(16)
      for (int k = 0; k < kRows; ++k)
        g[k] = hn::LoadU(d, y + (i + k) * columns + j);
      const T* x_block = in + i * pitch + first * kDilation + j;
      HWY_UNROLL(16)
      for (int row = 0; row < kRows + (K - 1) * kDilation; ++row) {
        HWY_UNROLL(16)
        for (int s = 0; s < S; ++s) {
          const auto x = hn::LoadU(d, x_block + row * pitch + s * kDilation);
          HWY_UNROLL(16)
          for (int r = 0; r < K; ++r) {
            const int k = row - r * kDilation;
            if (k >= 0 && k < kRows)
              sum[r][s] = hn::MulAdd(g[k], x, sum[r][s]);
          }
        }
      }
    }
  }
  HWY_UNROLL(16)
  for (int r = 0; r < K; ++r) {
    HWY_UNROLL(16)
    for (int s = 0; s < S; ++s)
      out[r * K + first + s] = hn::GetLane(hn::SumOfLanes(d, sum[r][s]));
  }
}

template <int K, int kDilation, class D, class T>
HWY_INLINE void grid_dots_chunks(D d, std::int64_t rows, std::int64_t columns, std::int64_t pitch, const T* y,
                                 const T* in, T* out) {
  // 25 sums fill the registers of AVX-512 and overflow those before it.
  if constexpr (K == 3 || HWY_TARGET == HWY_AVX3) {
    grid_dots<K, kDilation, K>(d, rows, columns, pitch, y, in, 0, out);
  } else {
    grid_dots<K, kDilation, 2>(d, rows, columns, pitch, y, in, 0, out);
    grid_dots<K, kDilation, 2>(d, rows, columns, pitch, y, in, 2, out);
    grid_dots<K, kDilation, 1>(d, rows, columns, pitch, y, in, 4, out);
  }
}

template <int K, int kDilation, class T>
void grid_dots_all(std::int64_t rows, std::int64_t columns, std::int64_t pitch, const T* y, const T* in, T* out) {
  if (columns % kLanes<T> == 0)
    grid_dots_chunks<K, kDilation>(Lanes<T>(), rows, columns, pitch, y, in, out);
  else
    grid_dots_chunks<K, kDilation>(ShortLanes<T>(), rows, columns, pitch, y, in, out);
}

template <class T>
void tap_dots_grid_all(std::int64_t K, std::int64_t dilation, std::int64_t rows, std::int64_t columns,
                       std::int64_t pitch, const T* y, const T* in, T* out) {
  if (K == 3)
    dilation == 1 ? grid_dots_all<3, 1>(rows, columns, pitch, y, in, out)
                  : grid_dots_all<3, 2>(rows, columns, pitch, y, in, out);
  else
    dilation == 1 ? grid_dots_all<5, 1>(rows, columns, pitch, y, in, out)
                  : grid_dots_all<5, 2>(rows, columns, pitch, y, in, out);
}

template <class T>
void correlate_rows_all(std::int64_t rows, std::int64_t columns, std::int64_t pitch, std::int64_t taps, const T* in,
                        const std::int64_t* offsets, const T* weights, T* flat, T* out) {
  if (columns % kShortLanes<T> != 0) {
    correlate_all((rows - 1) * pitch + columns, taps, in, offsets, weights, flat);
    copy_all(rows, columns, flat, pitch, T(0), out, columns);
    return;
  }
  std::int64_t j = 0;
  for (; j + 2 * kLanes<T> <= columns; j += 2 * kLanes<T>)
    rows_strip<2>(Lanes<T>(), rows, columns, pitch, taps, in + j, offsets, weights, out + j);
  for (; j + kLanes<T> <= columns; j += kLanes<T>)
    rows_strip<1>(Lanes<T>(), rows, columns, pitch, taps, in + j, offsets, weights, out + j);
  for (; j < columns; j += kShortLanes<T>)
    rows_strip<1>(ShortLanes<T>(), rows, columns, pitch, taps, in + j, offsets, weights, out + j);
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

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T>
void correlate(std::int64_t n, std::int64_t taps, const T* in, const std::int64_t* offsets, const T* weights, T* out) {
  OCKHAM_DISPATCH(correlate_all<T>)(n, taps, in, offsets, weights, out);
}
OCKHAM_FOR_FLOATS(correlate)

template <class T>
void correlate_rows(std::int64_t rows, std::int64_t columns, std::int64_t pitch, std::int64_t taps, const T* in,
                    const std::int64_t* offsets, const T* weights, T* flat, T* out) {
  OCKHAM_DISPATCH(correlate_rows_all<T>)(rows, columns, pitch, taps, in, offsets, weights, flat, out);
}
OCKHAM_FOR_FLOATS(correlate_rows)

template <class T>
void correlate_grid(std::int64_t K, std::int64_t dilation, std::int64_t rows, std::int64_t columns, std::int64_t pitch,
                    const T* in, const T* weights, T* out) {
  OCKHAM_DISPATCH(correlate_grid_all<T>)(K, dilation, rows, columns, pitch, in, weights, out);
}
OCKHAM_FOR_FLOATS(correlate_grid)

template <class T>
void tap_dots_grid(std::int64_t K, std::int64_t dilation, std::int64_t rows, std::int64_t columns, std::int64_t pitch,
                   const T* y, const T* in, T* out) {
  OCKHAM_DISPATCH(tap_dots_grid_all<T>)(K, dilation, rows, columns, pitch, y, in, out);
}
OCKHAM_FOR_FLOATS(tap_dots_grid)

template <class T>
void tap_dots(std::int64_t n, std::int64_t taps, const T* y, const T* in, const std::int64_t* offsets, T* out) {
  OCKHAM_DISPATCH(dots_all<T>)(n, taps, y, in, offsets, out);
}
OCKHAM_FOR_FLOATS(tap_dots)

template <class T>
void copy_rows(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_pitch, T beta, T* to,
               std::int64_t to_pitch) {
  OCKHAM_DISPATCH(copy_all<T>)(rows, columns, from, from_pitch, beta, to, to_pitch);
}
OCKHAM_FOR_FLOATS(copy_rows)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
