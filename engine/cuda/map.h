#pragma once
// Kernels over n elements of each of D directions: a value for every element (map), or the sum of a value over the
// elements of a direction (sum_of). The value is a function object with a constexpr operator(), most often shared with
// the CPU. For .cu files.
#include <algorithm>
#include <cstdint>
#include <utility>

#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "engine/cuda/reduce.h"
#include "engine/tensor.h"

namespace ockham::cuda {

/// What a kernel reads: [count, n], of which direction d reads row d % count. One row serves all.
template <class T>
struct Directions {
  const T* data;
  std::uint32_t count;

  __device__ const T* of(std::int64_t d, std::int64_t n) const {
    return data + static_cast<std::uint32_t>(d) % count * n;
  }
};

template <class T>
Directions<T> directions(const Tensor& x, std::int64_t n) {
  return {x.device_data<T>(), static_cast<std::uint32_t>(std::max<std::int64_t>(1, n == 0 ? 1 : x.numel() / n))};
}

/// f of the k-th row of `in`.
template <int kInputs, int kColumns, class T, class F>
__device__ __forceinline__ T call(const F& f, const T (&in)[kInputs][kColumns], int k) {
  return [&]<std::size_t... j>(std::index_sequence<j...>) {
    return f(in[j][k]...);
  }
  (std::make_index_sequence<kInputs>());
}

/// y[d, i] (+)= f(x_0[d, i], x_1[d, i], ...). A thread loads all its elements before it stores one, so that the loads
/// wait for memory together.
template <class T, class F, int kInputs>
struct MapValues {
  static constexpr int kThreads = 256;
  static constexpr int kPerThread = 4;
  static constexpr std::int64_t kPerBlock = kThreads * kPerThread;
  std::int64_t D, n;
  Directions<T> x[kInputs];
  T* y;
  bool adds;
  F f;

  std::int64_t blocks() const { return D * blocks_for(n, kPerBlock); }
  void operands(Operands& o) const {
    for (const Directions<T>& input : x)
      o.reads(input.data, input.count * n);
    o.writes(y, D * n);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPerBlock);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPerBlock + threadIdx.x;
    T* const to = y + d * n;
    T in[kInputs][kPerThread] = {};
    T old[kPerThread] = {};
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = first + k * kThreads;
      if (i < n) {
        for (int j = 0; j < kInputs; ++j)
          in[j][k] = x[j].of(d, n)[i];
        if (adds)
          old[k] = to[i];
      }
    }
    for (int k = 0; k < kPerThread; ++k) {
      const std::int64_t i = first + k * kThreads;
      if (i < n) {
        const T value = call(f, in, k);
        to[i] = adds ? old[k] + value : value;
      }
    }
  }
};

/// y[d, i] (+)= f(x...) over all D directions of y.
template <class T, class F, class... X>
void map(std::int64_t D, Tensor& y, bool adds, const F& f, const X&... x) {
  const std::int64_t n = y.numel() / D;
  launch(MapValues<T, F, sizeof...(X)>{
      .D = D, .n = n, .x = {directions<T>(x, n)...}, .y = y.device_data<T>(), .adds = adds, .f = f});
}

/// parts[d, p] = the sum of f(x_0[d, i], ...) over piece p of direction d, in double.
template <class T, class F, int kInputs>
struct MapSum {
  static constexpr int kThreads = 256;
  static constexpr std::int64_t kPiece = kThreads * 16;
  std::int64_t D, n;
  Directions<T> x[kInputs];
  double* parts;
  F f;

  std::int64_t blocks() const { return D * blocks_for(n, kPiece); }
  void operands(Operands& o) const {
    for (const Directions<T>& input : x)
      o.reads(input.data, input.count * n);
    o.writes(parts, blocks());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t pieces = blocks_for(n, kPiece);
    const std::int64_t d = block / pieces;
    const std::int64_t first = block % pieces * kPiece;
    const std::int64_t end = first + kPiece < n ? first + kPiece : n;
    double total = 0.0;
    for (std::int64_t i = first + threadIdx.x; i < end; i += kThreads) {
      T in[kInputs][1];
      for (int j = 0; j < kInputs; ++j)
        in[j][0] = x[j].of(d, n)[i];
      total += static_cast<double>(call(f, in, 0));
    }
    total = block_sum<kThreads>(total);
    if (threadIdx.x == 0)
      parts[block] = total;
  }
};

/// [D, pieces] in double: the sums of f(x...) over pieces of n elements of every direction, for sum_rows().
template <class T, class F, class X, class... More>
Tensor sums_of(std::int64_t D, std::int64_t n, const F& f, const X& x, const More&... more) {
  using Kernel = MapSum<T, F, 1 + sizeof...(More)>;
  Tensor parts({D, blocks_for(n, Kernel::kPiece)}, DType::kFloat64, x.device());
  launch(Kernel{.D = D,
                .n = n,
                .x = {directions<T>(x, n), directions<T>(more, n)...},
                .parts = parts.device_data<double>(),
                .f = f});
  return parts;
}

struct Product {
  template <class T>
  constexpr T operator()(T a, T b) const {
    return a * b;
  }
};

struct Itself {
  template <class T>
  constexpr T operator()(T x) const {
    return x;
  }
};

}  // namespace ockham::cuda
