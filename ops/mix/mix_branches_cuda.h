#pragma once
// The branches of a node sum as kernels take them, as many as fit into the parameters of a launch. For .cu files.
#include <algorithm>

#include "engine/cuda/planes.h"
#include "ops/mix/mix_cuda.h"

namespace ockham::cuda {

constexpr int kBranches = 40;  // of one launch: a node of DARTS has up to 5 edges of 8 operations
constexpr int kLoads = 4;      // of branches, under way at the same time

/// The numbers of alpha and the affines of some branches: the values, or the tangents of D directions.
template <class T>
struct MixNumbers {
  int count;
  T missing_scale;  ///< a branch without affine has the scale 1, which does not move
  std::int64_t C, entries, D;
  const T* alpha;  ///< null: zeros
  int index[kBranches] = {};
  const T* affine[kBranches] = {};  ///< null: none

  __device__ T weight(int k, std::int64_t d = 0) const { return alpha ? alpha[d * entries + index[k]] : T(0); }
  __device__ T scale(int k, std::int64_t c, std::int64_t d = 0) const {
    return affine[k] ? affine[k][d * 2 * C + c] : missing_scale;
  }
  __device__ T shift(int k, std::int64_t c, std::int64_t d = 0) const {
    return affine[k] ? affine[k][(d * 2 + 1) * C + c] : T(0);
  }
  void operands(Operands& o) const {
    o.reads(alpha, D * entries);
    for (int k = 0; k < count; ++k)
      o.reads(affine[k], D * 2 * C);
  }
};

/// Elements z of the branches from `first` on, all asked for before one is waited for. Null branches are left out.
template <class T, class E>
__device__ __forceinline__ void load_branches(const E* const (&z)[kBranches], int first, int count, std::int64_t at,
                                              bool wide, Values<T> (&values)[kLoads]) {
#pragma unroll
  for (int m = 0; m < kLoads; ++m) {
    if (first + m < count && z[first + m] != nullptr)
      values[m] = load_values<T>(z[first + m], at, wide);
  }
}

/// Some of the branches, as many as a launch takes.
struct Chunk {
  std::size_t first;
  int count;
  bool is_first() const { return first == 0; }
};

inline std::vector<Chunk> chunks_of(std::size_t branches) {
  std::vector<Chunk> chunks;
  for (std::size_t k = 0; k < branches; k += kBranches)
    chunks.push_back({k, static_cast<int>(std::min<std::size_t>(kBranches, branches - k))});
  return chunks;
}

template <class T>
const T* data_or_null(const Tensor& t) {
  return t ? t.device_data<T>() : nullptr;
}
/// Null, too, where a cotangent is to be left scaled.
template <class T>
T* data_or_null(const GradSlot& slot) {
  return slot && slot.factor == nullptr ? slot.dst->device_data<T>() : nullptr;
}

/// x: the values of D = 1, or tangents, of inputs shaped like `primals`.
template <class T>
MixNumbers<T> numbers(const NodeSum& sum, const Chunk& chunk, Inputs primals, Inputs x, std::int64_t D,
                      T missing_scale) {
  MixNumbers<T> result{.count = chunk.count,
                       .missing_scale = missing_scale,
                       .C = sum.C,
                       .entries = primals[0].numel(),
                       .D = D,
                       .alpha = data_or_null<T>(x[0])};
  for (int k = 0; k < chunk.count; ++k) {
    const std::size_t branch = chunk.first + static_cast<std::size_t>(k);
    result.index[k] = static_cast<int>(sum.index[branch]);
    result.affine[k] = sum.affine[branch] == 0 ? nullptr : data_or_null<T>(x[sum.affine[branch]]);
  }
  return result;
}

template <class T>
MixNumbers<T> values(const NodeSum& sum, const Chunk& chunk, Inputs x) {
  return numbers<T>(sum, chunk, x, x, 1, T(1));
}

/// The z of a chunk. @return whether all can be taken kWidth elements at a time
template <class T, class E>
bool fill_maps(const Chunk& chunk, Inputs x, std::int64_t P, const E* (&z)[kBranches]) {
  bool wide = true;
  for (int k = 0; k < chunk.count; ++k) {
    z[k] = data_or_null<E>(x[1 + chunk.first + static_cast<std::size_t>(k)]);
    wide = wide && is_wide<T>(P, z[k]);
  }
  return wide;
}

}  // namespace ockham::cuda
