#include <algorithm>
#include <cstring>
#include <type_traits>

#include "engine/cpu/targets.h"
#include "ops/mix/mix_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "ops/mix/mix_cpu.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "engine/cpu/dispatch.h"
#include "engine/cpu/vector-inl.h"

HWY_BEFORE_NAMESPACE();
namespace ockham::cpu {
namespace HWY_NAMESPACE {

// What maps with elements E are added up in.
template <class E>
using Sum = std::conditional_t<std::is_same_v<E, BFloat16>, float, E>;

// Terms per sweep over y: their factors and pointers stay in registers. More is not worth its compiling where there are
// no vectors.
constexpr int kTerms = HWY_TARGET == HWY_SCALAR ? 1 : 8;

template <bool kPartial, class T>
HWY_INLINE void store(Vector<T> v, T* to, std::int64_t count) {
  if constexpr (kPartial)
    store_first(v, to, count);
  else
    hn::StoreU(v, Lanes<T>(), to);
}

// Elements of a map: T itself, or bfloat16 widened.
template <bool kPartial, class T>
HWY_INLINE Vector<T> load_map(const T* x, std::int64_t count) {
  return load<kPartial>(x, count);
}
template <bool kPartial, class T>
HWY_INLINE Vector<float> load_map(const BFloat16* x, std::int64_t count) {
  const hn::Rebind<std::uint32_t, Lanes<float>> words;
  const hn::Rebind<std::uint16_t, Lanes<float>> halves;
  alignas(32) std::uint16_t first[kLanes<float>] = {};
  if constexpr (kPartial)
    std::memcpy(first, x, static_cast<std::size_t>(count) * sizeof(BFloat16));
  const auto bits = hn::LoadU(halves, kPartial ? first : reinterpret_cast<const std::uint16_t*>(x));
  return hn::BitCast(Lanes<float>(), hn::ShiftLeft<16>(hn::PromoteTo(words, bits)));
}

// y = start + sum of M terms at i; the start is the constant, or what y holds.
template <int M, bool kFirst, bool kPartial, class T, class E>
HWY_INLINE void terms_step(std::int64_t i, std::int64_t count, Vector<T> constant, const Vector<T> (&factor)[M],
                           const E* const (&x)[M], T* y) {
  Vector<T> sum = constant;
  if constexpr (!kFirst)
    sum = load<kPartial>(y + i, count);
  HWY_UNROLL(8)
  for (int m = 0; m < M; ++m)
    sum = hn::MulAdd(factor[m], load_map<kPartial, T>(x[m] + i, count), sum);
  store<kPartial>(sum, y + i, count);
}

// Elements [begin, end) of one plane at `at`.
template <int M, bool kFirst, class T, class E>
HWY_INLINE void terms_plane(std::int64_t at, std::int64_t begin, std::int64_t end, std::int64_t c, T constant,
                            const MixTerm<T, E>* terms, T* y) {
  const Lanes<T> d;
  const auto start = hn::Set(d, constant);
  Vector<T> factor[M];
  const E* x[M];
  HWY_UNROLL(8)
  for (int m = 0; m < M; ++m) {
    factor[m] = hn::Set(d, terms[m].factor[c]);
    x[m] = terms[m].x + at;
  }
  std::int64_t i = begin;
  for (; i + kLanes<T> <= end; i += kLanes<T>)
    terms_step<M, kFirst, false>(i, 0, start, factor, x, y + at);
  if (i < end)
    terms_step<M, kFirst, true>(i, end - i, start, factor, x, y + at);
}

// One sweep over elements [begin, end) of every plane; at most M terms of `count`.
template <int M, bool kFirst, class T, class E>
void terms_sweep(const MixBlock& block, std::int64_t begin, std::int64_t end, const T* constant, std::size_t count,
                 const MixTerm<T, E>* terms, T* y) {
  if constexpr (M > 1) {
    if (count < M)
      return terms_sweep<M - 1, kFirst>(block, begin, end, constant, count, terms, y);
  }
  for (std::int64_t plane = 0; plane < block.planes; ++plane) {
    const std::int64_t c = block.channel + plane;
    terms_plane<M, kFirst>(block.at + plane * block.P, begin, end, c, constant[c], terms, y);
  }
}

template <class E, class T = Sum<E>>
void terms_all(const MixBlock& block, const T* constant, std::span<const MixTerm<T, E>> terms, T* y) {
  if (terms.empty()) {
    for (std::int64_t plane = 0; plane < block.planes; ++plane)
      std::fill_n(y + block.at + plane * block.P, block.P, constant[block.channel + plane]);
  }
  for (std::int64_t begin = 0; begin < block.P; begin += kMixBlock) {
    const std::int64_t end = std::min(block.P, begin + kMixBlock);
    for (std::size_t k = 0; k < terms.size(); k += kTerms) {
      const auto sweep = k == 0 ? terms_sweep<kTerms, true, T, E> : terms_sweep<kTerms, false, T, E>;
      sweep(block, begin, end, constant, terms.size() - k, terms.data() + k, y);
    }
  }
}

// M terms of both sums over n elements of one plane; the second begins with `constant`, its products with y_bar add to
// `sum`.
template <int M, class T>
HWY_INLINE void pairs_run(std::int64_t n, std::int64_t at, std::int64_t c, T constant, const MixPair<T>* terms,
                          const T* y_bar, T* y, Vector<T>& sum) {
  const Lanes<T> d;
  const auto start = hn::Set(d, constant);
  Vector<T> first[M], second[M];
  const T* x[M];
  HWY_UNROLL(8)
  for (int m = 0; m < M; ++m) {
    first[m] = hn::Set(d, terms[m].first[c]);
    second[m] = hn::Set(d, terms[m].second[c]);
    x[m] = terms[m].x + at;
  }
  const auto step = [&](std::int64_t i, auto partial, std::int64_t count) HWY_ATTR {
    auto a = load<partial.value>(y + at + i, count);
    auto b = start;
    HWY_UNROLL(8)
    for (int m = 0; m < M; ++m) {
      const auto v = load<partial.value>(x[m] + i, count);
      a = hn::MulAdd(first[m], v, a);
      b = hn::MulAdd(second[m], v, b);
    }
    store<partial.value>(a, y + at + i, count);
    sum = hn::MulAdd(b, load<partial.value>(y_bar + at + i, count), sum);  // y_bar is zero behind the end
  };
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    step(i, std::false_type{}, kLanes<T>);
  if (i < n)
    step(i, std::true_type{}, n - i);
}

// At most M terms of `count` over elements [begin, end) of every plane; `constant` may be null: zero.
template <int M, class T>
void pairs_sweep(const MixBlock& block, std::int64_t begin, std::int64_t end, const T* constant, std::size_t count,
                 const MixPair<T>* terms, const T* y_bar, T* y, Vector<T>& sum) {
  if constexpr (M > 1) {
    if (count < M)
      return pairs_sweep<M - 1>(block, begin, end, constant, count, terms, y_bar, y, sum);
  }
  for (std::int64_t plane = 0; plane < block.planes; ++plane) {
    const std::int64_t c = block.channel + plane;
    pairs_run<M>(end - begin, block.at + plane * block.P + begin, c, constant ? constant[c] : T(0), terms, y_bar, y,
                 sum);
  }
}

template <class T>
double pairs_all(const MixBlock& block, const T* constant, std::span<const MixPair<T>> terms, const T* y_bar, T* y) {
  double total = 0.0;
  for (std::int64_t begin = 0; begin < block.P; begin += kMixBlock) {
    const std::int64_t end = std::min(block.P, begin + kMixBlock);
    Vector<T> sum = hn::Zero(Lanes<T>());
    for (std::size_t k = 0; k < terms.size(); k += kTerms)
      pairs_sweep<kTerms, T>(block, begin, end, k == 0 ? constant : nullptr, terms.size() - k, terms.data() + k, y_bar,
                             y, sum);
    total += static_cast<double>(hn::GetLane(hn::SumOfLanes(Lanes<T>(), sum)));
  }
  return total;
}

// Branches per sweep over y_bar, each with kSums sums side by side to hide the latency of a multiply-add.
constexpr int kBranches = HWY_TARGET == HWY_SCALAR ? 1 : 4;
constexpr int kSums = 2;

enum class Write { kNone, kSet, kStream, kAdd };

template <Write kWrite, bool kPartial, class T>
HWY_INLINE void write(Vector<T> factor, Vector<T> g, T* z_bar, std::int64_t count) {
  if constexpr (kWrite == Write::kStream && !kPartial)
    hn::Stream(hn::Mul(factor, g), Lanes<T>(), z_bar);
  else if constexpr (kWrite == Write::kAdd)
    store<kPartial>(hn::MulAdd(factor, g, load<kPartial>(z_bar, count)), z_bar, count);
  else if constexpr (kWrite != Write::kNone)
    store<kPartial>(hn::Mul(factor, g), z_bar, count);
}

// M branches at element i of a plane, in order; the sums are those numbered v.
template <int M, bool kDots, Write kWrite, bool kPartial, class T, class E>
HWY_INLINE void pull_step(std::int64_t i, std::int64_t count, int v, const T* y_bar, const E* const (&z)[M],
                          T* const (&z_bar)[M], const Vector<T> (&factor)[M], Vector<T> (&sum)[M][kSums]) {
  const auto g = load<kPartial>(y_bar + i, count);
  HWY_UNROLL(4)
  for (int m = 0; m < M; ++m) {
    if constexpr (kDots)
      sum[m][v] = hn::MulAdd(g, load_map<kPartial, T>(z[m] + i, count), sum[m][v]);
    if constexpr (kWrite != Write::kNone)
      write<kWrite, kPartial>(factor[m], g, z_bar[m] + i, count);
  }
}

// n elements of a plane at `at`.
template <int M, bool kDots, Write kWrite, class T, class E>
HWY_INLINE void pull_run(std::int64_t at, std::int64_t n, std::int64_t c, const T* y_bar, const MixPull<T, E>* branches,
                         double* sums) {
  const Lanes<T> d;
  const E* z[M] = {};
  T* z_bar[M] = {};
  Vector<T> factor[M];
  Vector<T> sum[M][kSums];
  HWY_UNROLL(4)
  for (int m = 0; m < M; ++m) {
    if constexpr (kDots)
      z[m] = branches[m].z + at;
    if constexpr (kWrite != Write::kNone)
      z_bar[m] = branches[m].z_bar + at;
    factor[m] = hn::Set(d, branches[m].factor[c]);
    sum[m][0] = hn::Zero(d);
    sum[m][1] = hn::Zero(d);
  }
  std::int64_t i = 0;
  for (; i + 2 * kLanes<T> <= n; i += 2 * kLanes<T>) {
    pull_step<M, kDots, kWrite, false>(i, 0, 0, y_bar + at, z, z_bar, factor, sum);
    pull_step<M, kDots, kWrite, false>(i + kLanes<T>, 0, 1, y_bar + at, z, z_bar, factor, sum);
  }
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    pull_step<M, kDots, kWrite, false>(i, 0, 0, y_bar + at, z, z_bar, factor, sum);
  if (i < n)
    pull_step<M, kDots, kWrite, true>(i, n - i, 1, y_bar + at, z, z_bar, factor, sum);
  if constexpr (kDots) {
    HWY_UNROLL(4)
    for (int m = 0; m < M; ++m)
      sums[m] += static_cast<double>(hn::GetLane(hn::SumOfLanes(d, hn::Add(sum[m][0], sum[m][1]))));
  }
}

// At most M branches of `count` over elements [begin, end) of every plane; sums of planes lie `stride` apart.
template <int M, bool kDots, Write kWrite, class T, class E>
void pull_sweep(const MixBlock& block, std::int64_t begin, std::int64_t end, const T* y_bar, std::size_t count,
                const MixPull<T, E>* branches, double* sums, std::int64_t stride) {
  if constexpr (M > 1) {
    if (count < M)
      return pull_sweep<M - 1, kDots, kWrite>(block, begin, end, y_bar, count, branches, sums, stride);
  }
  for (std::int64_t plane = 0; plane < block.planes; ++plane)
    pull_run<M, kDots, kWrite>(block.at + plane * block.P + begin, end - begin, block.channel + plane, y_bar, branches,
                               sums + plane * stride);
}

template <bool kDots, class T, class E>
auto pull_of(const MixBlock& block, const MixPull<T, E>& branch, bool streams) {
  if (branch.z_bar == nullptr)
    return pull_sweep<kBranches, kDots, Write::kNone, T, E>;
  if (branch.adds)
    return pull_sweep<kBranches, kDots, Write::kAdd, T, E>;
  const bool is_aligned =
      reinterpret_cast<std::uintptr_t>(branch.z_bar) % sizeof(Vector<T>) == 0 && block.P % kLanes<T> == 0;
  return streams && is_aligned ? pull_sweep<kBranches, kDots, Write::kStream, T, E>
                               : pull_sweep<kBranches, kDots, Write::kSet, T, E>;
}

template <class T, class E>
auto pull_of(const MixBlock& block, const MixPull<T, E>& branch, bool streams) {
  return branch.z ? pull_of<true>(block, branch, streams) : pull_of<false>(block, branch, streams);
}

template <class T>
HWY_INLINE double total_run(std::int64_t n, const T* x) {
  const Lanes<T> d;
  Vector<T> sum = hn::Zero(d);
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>)
    sum = hn::Add(sum, hn::LoadU(d, x + i));
  if (i < n)
    sum = hn::Add(sum, load_first(x + i, n - i));
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum)));
}

template <class E, class T = Sum<E>>
void pull_all(const MixBlock& block, const T* y_bar, std::span<const MixPull<T, E>> branches, bool streams,
              double* sums) {
  const std::size_t K = branches.size();
  const std::int64_t stride = static_cast<std::int64_t>(K) + 1;
  for (std::int64_t begin = 0; begin < block.P; begin += kMixBlock) {
    const std::int64_t end = std::min(block.P, begin + kMixBlock);
    if (sums != nullptr) {
      for (std::int64_t plane = 0; plane < block.planes; ++plane)
        sums[(plane + 1) * stride - 1] += total_run(end - begin, y_bar + block.at + plane * block.P + begin);
    }
    for (std::size_t k = 0, count = 1; k < K; k += count, count = 1) {
      const auto sweep = pull_of(block, branches[k], streams);
      while (count < kBranches && k + count < K && pull_of(block, branches[k + count], streams) == sweep)
        ++count;
      sweep(block, begin, end, y_bar, count, branches.data() + k, sums + k, stride);
    }
  }
  if (streams)
    hwy::FlushStream();
}

}  // namespace HWY_NAMESPACE
}  // namespace ockham::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace ockham::cpu {

template <class T, class E>
void mix_terms(const MixBlock& block, const T* constant, std::span<const MixTerm<T, E>> terms, T* y) {
  OCKHAM_DISPATCH(terms_all<E>)(block, constant, terms, y);
}

template <class T, class E>
void mix_pull(const MixBlock& block, const T* y_bar, std::span<const MixPull<T, E>> branches, bool streams,
              double* sums) {
  OCKHAM_DISPATCH(pull_all<E>)(block, y_bar, branches, streams, sums);
}

template <class T>
double mix_pairs(const MixBlock& block, const T* constant, std::span<const MixPair<T>> terms, const T* y_bar, T* y) {
  return OCKHAM_DISPATCH(pairs_all<T>)(block, constant, terms, y_bar, y);
}

OCKHAM_INSTANTIATE(mix_terms, float, float)
OCKHAM_INSTANTIATE(mix_terms, double, double)
OCKHAM_INSTANTIATE(mix_terms, float, BFloat16)
OCKHAM_INSTANTIATE(mix_pull, float, float)
OCKHAM_INSTANTIATE(mix_pull, double, double)
OCKHAM_INSTANTIATE(mix_pull, float, BFloat16)
OCKHAM_FOR_FLOATS(mix_pairs)

}  // namespace ockham::cpu
#endif  // HWY_ONCE
