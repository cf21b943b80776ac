#include "engine/gemm_bf16.h"

#include <algorithm>

#include "engine/cpu/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/cpu/gemm_bf16.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/bfloat16.h"
#include "engine/cpu/amx.h"
#include "engine/cpu/dispatch.h"
#include "engine/cpu/pair_block.h"
#include "engine/cpu/vector-inl.h"
#include "engine/error.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using Words = hn::RebindToUnsigned<Lanes<float>>;
using WordVector = hn::Vec<Words>;

// As in engine/cpu/gemm.cpp: accumulators, kVectors of B and one of A fill the registers.
constexpr int kRows = 6;
constexpr int kVectors = HWY_TARGET == HWY_AVX3 ? 4 : 2;

// The upper half of each word: x rounded to the nearest bfloat16, ties to even; a NaN stays one.
HWY_INLINE WordVector rounded(Vector<float> x) {
  const Words u;
  const auto bits = hn::BitCast(u, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1));
  const auto nearest = hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7fff)));
  const auto quiet = hn::Or(bits, hn::Set(u, 0x400000));
  return hn::IfThenElse(hn::MaskFromVec(hn::BitCast(u, hn::VecFromMask(Lanes<float>(), hn::IsNaN(x)))), quiet, nearest);
}

// The arithmetic of the kernel fma: the two products of a pair one after the other.
struct SplitPairs {
  static HWY_INLINE WordVector pack(Vector<float> lower, Vector<float> upper) {
    const Words u;
    return hn::Or(hn::ShiftRight<16>(rounded(lower)), hn::And(rounded(upper), hn::Set(u, 0xffff0000u)));
  }
  template <int M, int V>
  static HWY_INLINE void add(const std::uint32_t* a, std::int64_t a_row, const WordVector (&b)[V],
                             Vector<float> (&sum)[M][V]) {
    const Lanes<float> d;
    const Words u;
    HWY_UNROLL(8)
    for (int i = 0; i < M; ++i) {
      const auto lower = hn::BitCast(d, hn::Set(u, a[i * a_row] << 16));
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v)
        sum[i][v] = hn::MulAdd(lower, hn::BitCast(d, hn::ShiftLeft<16>(b[v])), sum[i][v]);
    }
    HWY_UNROLL(8)
    for (int i = 0; i < M; ++i) {
      const auto upper = hn::BitCast(d, hn::Set(u, a[i * a_row] & 0xffff0000u));
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v)
        sum[i][v] = hn::MulAdd(upper, hn::BitCast(d, hn::And(b[v], hn::Set(u, 0xffff0000u))), sum[i][v]);
    }
  }
};

#if HWY_TARGET == HWY_AVX3
// The instructions of AVX512_BF16, which Highway's AVX3 does not include. In assembly, for the compiler would want them
// enabled for the whole file.
struct NativePairs {
  static HWY_INLINE WordVector pack(Vector<float> lower, Vector<float> upper) {
    __m512i halves;  // 16 of `lower`, then 16 of `upper`
    asm("vcvtne2ps2bf16 %1, %2, %0" : "=v"(halves) : "v"(lower.raw), "v"(upper.raw));
    const __m512i interleave = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22,
                                                6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return WordVector{_mm512_permutexvar_epi16(interleave, halves)};
  }
  template <int M, int V>
  static HWY_INLINE void add(const std::uint32_t* a, std::int64_t a_row, const WordVector (&b)[V],
                             Vector<float> (&sum)[M][V]) {
    HWY_UNROLL(8)
    for (int i = 0; i < M; ++i) {
      const __m512i pair = _mm512_set1_epi32(static_cast<int>(a[i * a_row]));
      HWY_UNROLL(8)
      for (int v = 0; v < V; ++v)
        asm("vdpbf16ps %2, %1, %0" : "+v"(sum[i][v].raw) : "v"(pair), "v"(b[v].raw));
    }
  }
};
#endif

// C[m + (0..M), n + (0..V vectors)]; with kPartial the last vector has `tail` elements.
template <class Pairs, int M, int V, bool kPartial>
HWY_INLINE void pair_tile(const PairBlock& p, std::int64_t m, std::int64_t n, std::int64_t tail) {
  const Lanes<float> d;
  const Words u;
  Vector<float> sum[M][V];
  HWY_UNROLL(8)
  for (int i = 0; i < M; ++i) {
    const float* c = p.c + (m + i) * p.c_row + n;
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) {
      if (p.beta == 0.0f)
        sum[i][v] = hn::Zero(d);
      else if (kPartial && v == V - 1)
        sum[i][v] = load_first(c + v * kLanes<float>, tail);
      else
        sum[i][v] = hn::LoadU(d, c + v * kLanes<float>);
    }
  }
  const std::uint32_t* a = p.a + m * p.a_row;
  const std::uint32_t* b = p.b + n;
  for (std::int64_t k = 0; k < p.pairs; ++k, ++a, b += kPairColumns) {
    WordVector bs[V];
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v)
      bs[v] = hn::Load(u, b + v * kLanes<float>);
    Pairs::template add<M, V>(a, p.a_row, bs, sum);
  }
  HWY_UNROLL(8)
  for (int i = 0; i < M; ++i) {
    float* c = p.c + (m + i) * p.c_row + n;
    HWY_UNROLL(8)
    for (int v = 0; v < V; ++v) {
      if (kPartial && v == V - 1)
        store_first(sum[i][v], c + v * kLanes<float>, tail);
      else
        hn::StoreU(sum[i][v], d, c + v * kLanes<float>);
    }
  }
}

// A row block: full tiles, then the last columns, V vectors of which the last may be partial.
template <class Pairs, int M, int V = kVectors>
HWY_INLINE void pair_rows(const PairBlock& p, std::int64_t m, std::int64_t n = 0) {
  constexpr std::int64_t kWidth = V * kLanes<float>;
  for (; n + kWidth <= p.columns; n += kWidth)
    pair_tile<Pairs, M, V, false>(p, m, n, 0);
  if (n == p.columns)
    return;
  if constexpr (V > 1) {
    if (p.columns - n <= kWidth - kLanes<float>)
      return pair_rows<Pairs, M, V - 1>(p, m, n);
  }
  pair_tile<Pairs, M, V, true>(p, m, n, p.columns - n - (V - 1) * kLanes<float>);
}

template <class Pairs>
void pair_product(const PairBlock& p) {
  std::int64_t m = 0;
  for (; m + kRows <= p.M; m += kRows)
    pair_rows<Pairs, kRows>(p, m);
  if (p.M - m >= 4) {
    pair_rows<Pairs, 4>(p, m);
    m += 4;
  }
  if (p.M - m >= 2) {
    pair_rows<Pairs, 2>(p, m);
    m += 2;
  }
  if (p.M - m == 1)
    pair_rows<Pairs, 1>(p, m);
}

// Columns [n, n + columns) of rows [k, K) of B, packed; a missing last row is zero.
template <class Pairs>
void pack_columns(const float* const* b_rows, std::int64_t K, std::int64_t n, std::int64_t columns, std::uint32_t* b) {
  const Words u;
  const std::int64_t pairs = (K + 1) / 2;
  for (std::int64_t p = 0; p < pairs; ++p, b += kPairColumns) {
    const float* lower = b_rows[2 * p] + n;
    const float* upper = 2 * p + 1 < K ? b_rows[2 * p + 1] + n : nullptr;
    std::int64_t j = 0;
    for (; j + kLanes<float> <= columns; j += kLanes<float>) {
      const auto second = upper ? hn::LoadU(Lanes<float>(), upper + j) : hn::Zero(Lanes<float>());
      hn::Store(Pairs::pack(hn::LoadU(Lanes<float>(), lower + j), second), u, b + j);
    }
    if (j < columns) {
      const auto second = upper ? load_first(upper + j, columns - j) : hn::Zero(Lanes<float>());
      hn::Store(Pairs::pack(load_first(lower + j, columns - j), second), u, b + j);
    }
  }
}

// Blocks of K and of columns, so that the packed ones stay in the caches.
template <class Pairs, class Multiply>
HWY_INLINE void by_blocks(const PackedProblem& p, Multiply&& multiply) {
  constexpr std::int64_t kDepth = 512;
  ScratchScope scratch;
  std::uint32_t* b =
      scratch.take_zeros<std::uint32_t>(std::min(whole_tiles((p.a.K + 1) / 2), kDepth / 2) * kPairColumns);
  for (std::int64_t k = 0; k == 0 || k < p.a.K; k += kDepth) {
    const std::int64_t depth = std::min(kDepth, p.a.K - k), pairs = (depth + 1) / 2;
    // Rows behind the last pair still hold those of the block before.
    std::fill(b + pairs * kPairColumns, b + std::min(whole_tiles(pairs), kDepth / 2) * kPairColumns, 0u);
    for (std::int64_t n = 0; n < p.N; n += kPairColumns) {
      const std::int64_t columns = std::min(kPairColumns, p.N - n);
      pack_columns<Pairs>(p.b_rows + k, depth, n, columns, b);
      multiply(
          PairBlock{p.a.M, columns, pairs, p.a.pairs + k / 2, p.a.row, b, k == 0 ? p.beta : 1.0f, p.c + n, p.c_row});
    }
  }
}

void products(const PackedProblem& p, [[maybe_unused]] PairKernel kernel) {
#if HWY_TARGET == HWY_AVX3
  if (kernel == PairKernel::kTiles)
    return by_blocks<NativePairs>(p, [](const PairBlock& block) {
      AmxTiles tiles;
      tile_product(tiles, block);
    });
  if (kernel == PairKernel::kVectors)
    return by_blocks<NativePairs>(p, pair_product<NativePairs>);
#endif
  by_blocks<SplitPairs>(p, pair_product<SplitPairs>);
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham {
namespace cpu {

void run(const PackedProblem& p, PairKernel kernel) {
  OCKHAM_DISPATCH(products)(p, kernel);
}

namespace {

bool has_avx512() {
  return std::string_view(instruction_set()) == "AVX3";
}

std::string_view tiles_obstacle() {
  if (is_level_named())
    return "OCKHAM_ISA names a level";
  return has_avx512() ? std::string_view(amx_obstacle()) : "there is no AVX-512";
}

std::string_view vectors_obstacle() {
  if (!has_avx512())
    return "it is not there, or OCKHAM_ISA names a lower level";
#if defined(__x86_64__)
  if (!__builtin_cpu_supports("avx512bf16"))
    return "this processor has no AVX512_BF16";
  if (__builtin_cpu_is("intel"))
    return "on Intel's processors it has half the rate of float32";
#endif
  return {};
}

PairKernel chosen_kernel() {
  if (tiles_obstacle().empty())
    return PairKernel::kTiles;
  return vectors_obstacle().empty() ? PairKernel::kVectors : PairKernel::kSplit;
}

}  // namespace
}  // namespace cpu

PackedMatrix pack_bf16(std::int64_t M, std::int64_t K, const float* a, std::int64_t a_row, std::int64_t a_column,
                       ScratchScope& scratch) {
  const std::int64_t row = cpu::whole_tiles((K + 1) / 2);
  std::uint32_t* pairs = scratch.take_zeros<std::uint32_t>(cpu::whole_tiles(M) * row);
  ScratchScope line;
  float* values = a_column == 1 ? nullptr : line.take<float>(K);
  auto* narrow = line.take_zeros<BFloat16>(2 * row);
  for (std::int64_t m = 0; m < M; ++m) {
    const float* from = a + m * a_row;
    for (std::int64_t k = 0; values != nullptr && k < K; ++k)
      values[k] = from[k * a_column];
    convert(K, values ? values : from, narrow);
    for (std::int64_t p = 0; p < (K + 1) / 2; ++p)
      pairs[m * row + p] = narrow[2 * p].bits | std::uint32_t{narrow[2 * p + 1].bits} << 16;
  }
  return {M, K, row, pairs};
}

void gemm_rows_bf16(const PackedMatrix& a, std::int64_t N, const float* const* b_rows, float beta, float* c,
                    std::int64_t c_row) {
  cpu::run({a, N, b_rows, beta, c, c_row}, cpu::chosen_kernel());
}

std::string gemm_bf16_kernel() {
  switch (cpu::chosen_kernel()) {
    case cpu::PairKernel::kTiles:
      return "amx";
    case cpu::PairKernel::kVectors:
      return concat("avx512; amx: ", cpu::tiles_obstacle());
    case cpu::PairKernel::kSplit:
      break;
  }
  return concat("fma; amx: ", cpu::tiles_obstacle(), "; avx512: ", cpu::vectors_obstacle());
}

}  // namespace ockham
#endif  // HWY_ONCE
