// Matrix multiply by register tiles, without packing: a tile of up to kRows x kVectors accumulators runs over the whole
// of K, taking kVectors loads of B and kRows broadcasts of A per step.
#include "engine/gemm.h"

#include <algorithm>

#include "engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/cpu/gemm.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/arena.h"
#include "engine/cpu/dispatch.h"
#include "engine/cpu/gemm_problem.h"
#include "engine/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The accumulators, kVectors of B and one of A fill the registers: 32 with AVX-512, 16 before. Loops over them carry
// HWY_UNROLL: one that stays rolled keeps the accumulators in memory, at a third of the speed.
constexpr int kRows = 6;
constexpr int kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;

// c = beta c + sum, for the first `count` elements with kPartial.
template <bool kPartial, class T>
HWY_INLINE void put(Vector<T> sum, T beta, T* c, std::int64_t count) {
  const Lanes<T> d;
  if (beta != T(0))
    sum = hn::MulAdd(hn::Set(d, beta), load<kPartial>(c, count), sum);
  if constexpr (kPartial)
    store_first(sum, c, count);
  else
    hn::StoreU(sum, d, c);
}

// C[m + (0..M), n + (0..V vectors)]; with kPartial the last vector has `tail` elements.
template <int M, int V, bool kPartial, class T>
HWY_INLINE void rows_tile(const RowsProblem<T>& p, std::int64_t m, std::int64_t n, std::int64_t tail) {
  const Lanes<T> d;
  Vector<T> sum[M][V];
  HWY_UNROLL(8)
  for (auto& row : sum) {
    HWY_UNROLL(8)
    for (auto& v : row)
      v = hn::Zero(d);
  }
  const T* a = p.a + m * p.a_row;
  for (std::int64_t k = 0; k < p.K; ++k, a += p.a_column) {
    const T* b = p.b_rows[k] + n;
    Vector<T> bs[V];
    HWY_UNROLL(8)
    for (int v = 0; v < V - 1; ++v)
      bs[v] = hn::LoadU(d, b + v * kLanes<T>);
    bs[V - 1] = load<kPartial>(b + (V - 1) * kLanes<T>, tail);
    HWY_UNROLL(8)
    for (int i = 0; i < M; ++i) {
      const auto a_ik = hn::Set(d, a[i * p.a_row]);
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v)
        sum[i][v] = hn::MulAdd(a_ik, bs[v], sum[i][v]);
    }
  }
  HWY_UNROLL(8)
  for (int i = 0; i < M; ++i) {
    T* c = p.c + (m + i) * p.c_row + n;
    HWY_UNROLL(8)
    for (int v = 0; v < V - 1; ++v)
      put<false>(sum[i][v], p.beta, c + v * kLanes<T>, 0);
    put<kPartial>(sum[i][V - 1], p.beta, c + (V - 1) * kLanes<T>, tail);
  }
}

// Calls tile.template operator()<height>(m) for 0..M cut into equal heights of at most kRows.
template <class Tile>
HWY_INLINE void over_rows(std::int64_t M, Tile&& tile) {
  std::int64_t blocks = (M + kRows - 1) / kRows;
  for (std::int64_t m = 0; m < M; --blocks) {
    const std::int64_t height = (M - m + blocks - 1) / blocks;
    switch (height) {
      case 1:
        tile.template operator()<1>(m);
        break;
      case 2:
        tile.template operator()<2>(m);
        break;
      case 3:
        tile.template operator()<3>(m);
        break;
      case 4:
        tile.template operator()<4>(m);
        break;
      case 5:
        tile.template operator()<5>(m);
        break;
      default:
        tile.template operator()<6>(m);
    }
    m += height;
  }
}

// The last columns: V vectors of which the last is partial.
template <int M, int V, class T>
HWY_INLINE void rows_edge(const RowsProblem<T>& p, std::int64_t m, std::int64_t n) {
  const std::int64_t vectors = (p.N - n + kLanes<T> - 1) / kLanes<T>;
  if constexpr (V > 1) {
    if (vectors < V)
      return rows_edge<M, V - 1>(p, m, n);
  }
  rows_tile<M, V, true>(p, m, n, p.N - n - (vectors - 1) * kLanes<T>);
}

// Tiles along a row block: its part of A stays in the first-level cache.
template <class T>
void rows_block(const RowsProblem<T>& p) {
  constexpr std::int64_t kWidth = kVectors * kLanes<T>;
  over_rows(p.M, [&]<int height>(std::int64_t m) HWY_ATTR {
    std::int64_t n = 0;
    for (; n + kWidth <= p.N; n += kWidth)
      rows_tile<height, kVectors, false>(p, m, n, 0);
    if (n < p.N)
      rows_edge<height, kVectors>(p, m, n);
  });
}

// K in blocks, so that the rows of B in use stay in the caches from one row block to the next.
template <class T>
void rows(const RowsProblem<T>& p) {
  constexpr std::int64_t kDepth = 256;
  RowsProblem<T> block = p;
  for (std::int64_t k = 0; k == 0 || k < p.K; k += kDepth) {
    block.K = std::min(kDepth, p.K - k);
    block.a = p.a + k * p.a_column;
    block.b_rows = p.b_rows + k;
    rows_block(block);
    block.beta = T(1);
  }
}

template <int M, int V, bool kPartial, class T>
HWY_INLINE void dots_step(const DotsProblem<T>& p, const T* a, const T* b, std::int64_t tail, Vector<T> (&sum)[M][V]) {
  Vector<T> bs[V];
  HWY_UNROLL(8)
  for (int v = 0; v < V; ++v)
    bs[v] = load<kPartial>(b + v * p.b_row, tail);
  HWY_UNROLL(8)
  for (int i = 0; i < M; ++i) {
    const auto a_i = load<kPartial>(a + i * p.a_row, tail);
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v)
      sum[i][v] = hn::MulAdd(a_i, bs[v], sum[i][v]);
  }
}

// C[m + (0..M), n + (0..V)]; the lanes of an accumulator are partial sums over K.
template <int M, int V, class T>
HWY_INLINE void dots_tile(const DotsProblem<T>& p, std::int64_t m, std::int64_t n) {
  const Lanes<T> d;
  Vector<T> sum[M][V];
  HWY_UNROLL(8)
  for (auto& row : sum) {
    HWY_UNROLL(8)
    for (auto& v : row)
      v = hn::Zero(d);
  }
  const T* a = p.a + m * p.a_row;
  const T* b = p.b + n * p.b_row;
  std::int64_t k = 0;
  for (; k + kLanes<T> <= p.K; k += kLanes<T>)
    dots_step<M, V, false>(p, a + k, b + k, 0, sum);
  if (k < p.K)
    dots_step<M, V, true>(p, a + k, b + k, p.K - k, sum);
  HWY_UNROLL(8)
  for (int i = 0; i < M; ++i) {
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) {
      T& c = p.c[(m + i) * p.c_row + n + v];
      const T total = hn::GetLane(hn::SumOfLanes(d, sum[i][v]));
      c = p.beta == T(0) ? total : p.beta * c + total;
    }
  }
}

template <class T>
void dots(const DotsProblem<T>& p) {
  std::int64_t n = 0;
  for (; n + kVectors <= p.N; n += kVectors)
    over_rows(p.M, [&]<int height>(std::int64_t m) HWY_ATTR { dots_tile<height, kVectors>(p, m, n); });
  for (; n < p.N; ++n)
    over_rows(p.M, [&]<int height>(std::int64_t m) HWY_ATTR { dots_tile<height, 1>(p, m, n); });
}

#if HWY_TARGET == HWY_SCALAR
template <class T>
constexpr std::int64_t kTransposed = 1;

template <class T, class D>
void transpose_block(D, const T* x, std::int64_t, T* y, std::int64_t) {
  *y = *x;
}
#else
template <class T>
constexpr std::int64_t kTransposed = 16 / sizeof(T);

// kTransposed elements of each of the rows 0, kTransposed, 2 kTransposed, ..., a block of 16 bytes each.
template <class D, class T = hn::TFromD<D>>
HWY_INLINE hn::Vec<D> load_blocks(D d, const T* x, std::int64_t x_row) {
  constexpr std::int64_t kCount = hn::MaxLanes(D());
  if constexpr (kCount == kTransposed<T>) {
    return hn::LoadU(d, x);
  } else {
    const hn::Half<D> half;
    return hn::Combine(d, load_blocks(half, x + kCount / 2 * x_row, x_row), load_blocks(half, x, x_row));
  }
}

// y[j, i] = x[i, j] for i below the lanes of d and j below kTransposed.
template <class D>
HWY_INLINE void transpose_block(D d, const float* x, std::int64_t x_row, float* y, std::int64_t y_row) {
  const hn::Repartition<double, D> pairs;
  const auto a = load_blocks(d, x, x_row), b = load_blocks(d, x + x_row, x_row);
  const auto c = load_blocks(d, x + 2 * x_row, x_row), e = load_blocks(d, x + 3 * x_row, x_row);
  const auto ab_low = hn::BitCast(pairs, hn::InterleaveLower(d, a, b));
  const auto ab_high = hn::BitCast(pairs, hn::InterleaveUpper(d, a, b));
  const auto ce_low = hn::BitCast(pairs, hn::InterleaveLower(d, c, e));
  const auto ce_high = hn::BitCast(pairs, hn::InterleaveUpper(d, c, e));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab_low, ce_low)), d, y);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_low, ce_low)), d, y + y_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(pairs, ab_high, ce_high)), d, y + 2 * y_row);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(pairs, ab_high, ce_high)), d, y + 3 * y_row);
}
template <class D>
HWY_INLINE void transpose_block(D d, const double* x, std::int64_t x_row, double* y, std::int64_t y_row) {
  const auto a = load_blocks(d, x, x_row), b = load_blocks(d, x + x_row, x_row);
  hn::StoreU(hn::InterleaveLower(d, a, b), d, y);
  hn::StoreU(hn::InterleaveUpper(d, a, b), d, y + y_row);
}

#endif

// Rows from `begin` on, as many at a time as d has lanes. @return the first row that is left
template <class D, class T = hn::TFromD<D>>
std::int64_t transpose_rows(D d, std::int64_t begin, std::int64_t rows, std::int64_t columns, const T* x,
                            std::int64_t x_row, T* y, std::int64_t y_row) {
  constexpr std::int64_t kHeight = hn::MaxLanes(D()), kBlock = kTransposed<T>;
  std::int64_t i = begin;
  for (; i + kHeight <= rows; i += kHeight) {
    std::int64_t j = 0;
    for (; j + kBlock <= columns; j += kBlock)
      transpose_block(d, x + i * x_row + j, x_row, y + j * y_row + i, y_row);
    for (; j < columns; ++j) {
      for (std::int64_t row = i; row < i + kHeight; ++row)
        y[j * y_row + row] = x[row * x_row + j];
    }
  }
  return i;
}

template <class T>
void transpose_all(std::int64_t rows, std::int64_t columns, const T* x, std::int64_t x_row, T* y, std::int64_t y_row) {
  std::int64_t i = transpose_rows(Lanes<T>(), 0, rows, columns, x, x_row, y, y_row);
  i = transpose_rows(hn::CappedTag<T, kTransposed<T>>(), i, rows, columns, x, x_row, y, y_row);
  for (; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j)
      y[j * y_row + i] = x[i * x_row + j];
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham {
namespace cpu {
namespace {

template <class T>
void run(const RowsProblem<T>& p) {
  OCKHAM_DISPATCH(rows<T>)(p);
}

template <class T>
void run(const DotsProblem<T>& p) {
  OCKHAM_DISPATCH(dots<T>)(p);
}

template <class T>
void run_transpose(std::int64_t rows, std::int64_t columns, const T* x, std::int64_t x_row, T* y, std::int64_t y_row) {
  OCKHAM_DISPATCH(transpose_all<T>)(rows, columns, x, x_row, y, y_row);
}

}  // namespace
}  // namespace cpu

template <class T>
void gemm_rows(std::int64_t M, std::int64_t N, std::int64_t K, const T* a, std::int64_t a_row, std::int64_t a_column,
               const T* const* b_rows, T beta, T* c, std::int64_t c_row) {
  cpu::run(cpu::RowsProblem<T>{M, N, K, a, a_row, a_column, b_rows, beta, c, c_row});
}

template <class T>
void gemm_dots(std::int64_t M, std::int64_t N, std::int64_t K, const T* a, std::int64_t a_row, const T* b,
               std::int64_t b_row, T beta, T* c, std::int64_t c_row) {
  cpu::run(cpu::DotsProblem<T>{M, N, K, a, a_row, b, b_row, beta, c, c_row});
}

template <class T>
void transpose(std::int64_t rows, std::int64_t columns, const T* x, std::int64_t x_row, T* y, std::int64_t y_row) {
  cpu::run_transpose(rows, columns, x, x_row, y, y_row);
}

template <class T>
void gemm(bool transpose_a, bool transpose_b, std::int64_t M, std::int64_t N, std::int64_t K, const T* a,
          std::int64_t a_row, const T* b, std::int64_t b_row, T beta, T* c, std::int64_t c_row) {
  // Dot products end with a sum over lanes per element of C, a transposed copy costs a pass over B.
  constexpr std::int64_t kLongK = 16;
  if (transpose_b && !transpose_a && K >= kLongK * M)
    return gemm_dots(M, N, K, a, a_row, b, b_row, beta, c, c_row);
  ScratchScope scratch;
  const T** b_rows = scratch.take<const T*>(K);
  if (transpose_b) {
    T* copy = scratch.take<T>(K * N);
    transpose(N, K, b, b_row, copy, N);
    b = copy;
    b_row = N;
  }
  for (std::int64_t k = 0; k < K; ++k)
    b_rows[k] = b + k * b_row;
  gemm_rows(M, N, K, a, transpose_a ? 1 : a_row, transpose_a ? a_row : 1, b_rows, beta, c, c_row);
}

OCKHAM_FOR_FLOATS(gemm_rows)
OCKHAM_FOR_FLOATS(gemm_dots)
OCKHAM_FOR_FLOATS(transpose)
OCKHAM_FOR_FLOATS(gemm)

}  // namespace ockham
#endif  // HWY_ONCE
