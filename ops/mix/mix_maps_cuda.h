#pragma once
// The kernels that touch the maps of a node sum: its value, and the first launch of its reverse pass. For .cu files.
#include "engine/cuda/launch.h"
#include "ops/mix/mix_branches_cuda.h"

namespace ockham::cuda {

/// y (+)= sum_k weight_k (scale_k[c] z_k + shift_k[c])
template <class T, class E, class Y>
struct MixForward {
  static constexpr int kThreads = PlaneTiling::kThreads;
  PlaneTiling tiling = {};
  MixNumbers<T> of;
  bool adds;
  const E* z[kBranches] = {};
  Y* y;
  std::int64_t blocks() const { return tiling.blocks(); }
  void operands(Operands& o) const {
    of.operands(o);
    for (int k = 0; k < of.count; ++k)
      o.reads(z[k], tiling.planes * tiling.P);
    o.writes(y, tiling.planes * tiling.P);
  }
  __device__ void operator()(std::int64_t block) const {
    const PlaneTiling::Place place = tiling.place(block);
    if (!place.is_inside)
      return;
    const bool wide = tiling.wide();
    const std::int64_t c = static_cast<unsigned>(place.plane) % static_cast<unsigned>(of.C);
    const std::int64_t at = place.plane * tiling.P + place.at;
    Values<T> sum{};
    if (adds)
      sum = load_values<T>(y, at, wide);
    for (int first = 0; first < of.count; first += kLoads) {
      Values<T> values[kLoads] = {};
      load_branches(z, first, of.count, at, wide, values);
#pragma unroll
      for (int m = 0; m < kLoads; ++m) {
        if (first + m >= of.count)
          break;
        const T weight = of.weight(first + m);
        const T scale = of.scale(first + m, c);
        const T shift = of.shift(first + m, c);
        for (int i = 0; i < kWidth<T>; ++i)
          sum.at[i] += weight * (scale * values[m].at[i] + shift);
      }
    }
    store_values(y, at, sum, wide);
  }
};

/// z_bar_k (+)= weight_k scale_k[c] y_bar for D cotangents, in the order of k: several may share one z_bar; those
/// factors themselves, for cotangents that are left scaled; and of each plane the sums <y_bar, z_k> and of y_bar.
/// Directions of a plane follow each other, so that z is read from the cache again.
template <class T, class E>
struct MixPull {
  static constexpr int kThreads = PlaneTiling::kThreads;
  PlaneTiling tiling = {};
  MixNumbers<T> of;
  std::int64_t D;
  unsigned long long adds = 0;  ///< bit k
  const T* y_bar;
  const E* z[kBranches] = {};  ///< null: no sum of it is wanted
  T* z_bar[kBranches] = {};    ///< null: not wanted
  T* factors = nullptr;        ///< [count, C]; null: not wanted
  double* parts = nullptr;     ///< [count + 1, D, C, N * chunks], the sums of y_bar last; null: no sums

  std::int64_t blocks() const { return D * tiling.blocks(); }
  void operands(Operands& o) const {
    of.operands(o);
    const std::int64_t numel = tiling.planes * tiling.P;
    o.reads(y_bar, D * numel);
    for (int k = 0; k < of.count; ++k) {
      o.reads(z[k], numel);
      o.writes(z_bar[k], D * numel);
    }
    o.writes(factors, of.count * of.C);
    o.writes(parts, (of.count + 1) * D * tiling.planes * tiling.chunks);
  }
  __device__ void operator()(std::int64_t block) const {
    __shared__ double sums[kBranches + 1][PlaneTiling::kMostGroups];
    const std::int64_t d = block % D;
    const PlaneTiling::Place place = tiling.place(block / D);
    const std::int64_t c = static_cast<unsigned>(place.plane) % static_cast<unsigned>(of.C);
    const std::int64_t at = place.plane * tiling.P + place.at;
    if (factors != nullptr && block == 0) {
      for (std::int64_t i = threadIdx.x; i < of.count * of.C; i += kThreads)
        factors[i] = of.weight(static_cast<int>(i / of.C)) * of.scale(static_cast<int>(i / of.C), i % of.C);
    }
    Values<T> g{};
    if (place.is_inside)
      g = load_values<T>(y_bar, d * tiling.planes * tiling.P + at, tiling.wide());
    for (int first = 0; first < of.count; first += kLoads) {
      Values<T> values[kLoads] = {};
      if (place.is_inside)
        load_branches(z, first, of.count, at, tiling.wide(), values);
#pragma unroll
      for (int m = 0; m < kLoads; ++m) {
        if (first + m >= of.count)
          break;
        if (z[first + m] != nullptr)
          keep_sum(sums[first + m], place, g, values[m]);
        if (z_bar[first + m] != nullptr && place.is_inside)
          put(first + m, of.weight(first + m) * of.scale(first + m, c), g, d * tiling.planes * tiling.P + at);
      }
    }
    if (parts == nullptr)
      return;  // all threads of the block
    Values<T> ones;
    for (T& one : ones.at)
      one = T(1);
    keep_sum(sums[of.count], place, g, ones);
    __syncthreads();
    write_parts(sums, block / D, d);
  }

  __device__ void put(int k, T factor, const Values<T>& g, std::int64_t at) const {
    Values<T> result{};
    if ((adds >> k & 1) != 0)
      result = load_values<T>(z_bar[k], at, tiling.wide());
    for (int i = 0; i < kWidth<T>; ++i)
      result.at[i] += factor * g.at[i];
    store_values(z_bar[k], at, result, tiling.wide());
  }
  /// Of a group of lanes: at most 128 elements, which are safe in float.
  __device__ void keep_sum(double (&sums)[PlaneTiling::kMostGroups], const PlaneTiling::Place& place,
                           const Values<T>& g, const Values<T>& x) const {
    T sum = T(0);
    if (place.is_inside) {
      for (int i = 0; i < kWidth<T>; ++i)
        sum += g.at[i] * x.at[i];
    }
    sum = tiling.group_sum(sum);
    if (threadIdx.x % static_cast<unsigned>(tiling.lanes) == 0)
      sums[place.group] = static_cast<double>(sum);
  }
  __device__ void write_parts(const double (&sums)[kBranches + 1][PlaneTiling::kMostGroups], std::int64_t tile,
                              std::int64_t d) const {
    const std::int64_t C = of.C;
    const std::int64_t N = tiling.planes / C;
    for (int i = static_cast<int>(threadIdx.x); i < (of.count + 1) * tiling.per_block; i += kThreads) {
      const int k = i / tiling.per_block;
      const int local = i % tiling.per_block;
      const std::int64_t plane = tile / tiling.chunks * tiling.per_block + local;
      if (plane >= tiling.planes || (k < of.count && z[k] == nullptr))
        continue;
      double total = 0.0;
      for (int segment = 0; segment < tiling.segments; ++segment)
        total += sums[k][local * tiling.segments + segment];
      parts[(((k * D + d) * C + plane % C) * N + plane / C) * tiling.chunks + tile % tiling.chunks] = total;
    }
  }
};

}  // namespace ockham::cuda
