#pragma once
// How threads share the planes of feature maps [N, C, P], P = H*W: 16 bytes at once where sizes and addresses allow it,
// whole planes or a piece of one to a block, so that neighbouring threads have a channel's numbers in common. For .cu
// files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"

namespace ockham::cuda {

/// Elements that a thread takes at once: 16 bytes of what it computes in.
template <class T>
inline constexpr int kWidth = 16 / static_cast<int>(sizeof(T));

/// True if `n` consecutive elements, and so every row of them, can be taken kWidth at a time from all of these
/// addresses. Null pointers do not matter.
template <class T, class... Es>
bool is_wide(std::int64_t n, const Es*... data) {
  const auto is_aligned = []<class E>(const E* at) {
    return reinterpret_cast<std::uintptr_t>(at) % (sizeof(E) * kWidth<T>) == 0;
  };
  return n % kWidth<T> == 0 && (is_aligned(data) && ...);
}

/// What a thread takes at once.
template <class T>
struct Values {
  T at[kWidth<T>];
};

/// kWidth elements as they are stored.
template <class T, class E>
struct alignas(sizeof(E) * kWidth<T>) Packed {
  E at[kWidth<T>];
};

/// Elements i to i + kWidth; where not wide element i alone, and zeros behind it.
template <class T, class E>
__device__ __forceinline__ Values<T> load_values(const E* data, std::int64_t i, bool wide) {
  Values<T> values{};
  if (wide) {
    const Packed<T, E> packed = *reinterpret_cast<const Packed<T, E>*>(data + i);
    for (int k = 0; k < kWidth<T>; ++k)
      values.at[k] = load(packed.at, k);
  } else {
    values.at[0] = load(data, i);
  }
  return values;
}

template <class T, class E>
__device__ __forceinline__ void store_values(E* data, std::int64_t i, const Values<T>& values, bool wide) {
  if (wide) {
    Packed<T, E> packed;
    for (int k = 0; k < kWidth<T>; ++k)
      store(packed.at, k, values.at[k]);
    *reinterpret_cast<Packed<T, E>*>(data + i) = packed;
  } else {
    store(data, i, values.at[0]);
  }
}

/// Planes over blocks of kThreads, each thread with the elements of one load. Threads that share a plane lie side by
/// side: `lanes` of them, a power of two within a warp, take a segment of it, and the segments of a plane that fit into
/// a block follow each other.
struct PlaneTiling {
  static constexpr int kThreads = 256;
  static constexpr int kFewestLanes = 8;
  static constexpr int kMostGroups = kThreads / kFewestLanes;

  std::int64_t planes;
  std::int64_t P;
  std::int64_t chunks;  ///< blocks that one plane takes
  int step;             ///< elements of a thread: kWidth, or 1 where not wide
  int lanes;
  int segments;       ///< of a plane in a block
  int per_block = 1;  ///< planes

  std::int64_t blocks() const { return P == 0 ? 0 : blocks_for(planes, per_block) * chunks; }
  __host__ __device__ bool wide() const { return step > 1; }

  /// What a thread takes: elements `at` to at + step of a plane.
  struct Place {
    std::int64_t plane;
    std::int64_t at;
    int group;  ///< of lanes, in its block
    bool is_inside;
  };
  __device__ Place place(std::int64_t block) const {
    const auto b = static_cast<unsigned>(block);  // a grid has fewer than 2^31
    const unsigned per_plane = static_cast<unsigned>(chunks);
    const int group = static_cast<int>(threadIdx.x) / lanes;
    const int local = group / segments;
    const int within = static_cast<int>(threadIdx.x) - local * segments * lanes;
    const std::int64_t plane = static_cast<std::int64_t>(b / per_plane) * per_block + local;
    const std::int64_t at = (static_cast<std::int64_t>(b % per_plane) * kThreads + within) * step;
    return {plane, at, group, local < per_block && plane < planes && at < P};
  }
  /// The sum over the `lanes` threads of a group, in each of them, in fixed order. For all threads of a warp.
  template <class T>
  __device__ T group_sum(T value) const {
    for (int offset = lanes / 2; offset > 0; offset /= 2)
      value += __shfl_xor_sync(0xffffffffu, value, offset);
    return value;
  }
};

template <class T>
PlaneTiling tiling_of(std::int64_t planes, std::int64_t P, bool wide) {
  PlaneTiling tiling{.planes = planes, .P = P, .chunks = 1, .step = wide ? kWidth<T> : 1, .lanes = 32, .segments = 1};
  const std::int64_t loads = P / tiling.step;
  if (loads > PlaneTiling::kThreads) {
    tiling.segments = PlaneTiling::kThreads / tiling.lanes;
    tiling.chunks = blocks_for(loads, PlaneTiling::kThreads);
  } else {
    while (tiling.lanes > PlaneTiling::kFewestLanes && tiling.lanes / 2 >= loads)
      tiling.lanes /= 2;
    tiling.segments = static_cast<int>(std::max<std::int64_t>(1, blocks_for(loads, tiling.lanes)));
  }
  tiling.per_block = PlaneTiling::kThreads / tiling.lanes / tiling.segments;
  return tiling;
}

}  // namespace ockham::cuda
