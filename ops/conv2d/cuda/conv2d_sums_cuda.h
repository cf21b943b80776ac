#pragma once
// The second launches of long sums: parts that many blocks left, put together in an order that the sizes alone decide.
// A block takes 32 columns, its 8 rows of threads every eighth part, so that reads are coalesced and several are in
// flight. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/launch.h"
#include "engine/tensor.h"
#include "ops/moments/moments_cuda.h"

namespace ockham::cuda {

/// total[i] = (adds ? total[i] : 0) + factor * sum over p of parts[p, i], in double.
template <class Part, class T>
struct SumOfParts {
  static constexpr int kThreads = 256;
  static constexpr std::size_t kBatchBytes = kMostBatchBytes;  // nobody waits for the gradient of a weight
  std::int64_t count, n;
  const Part* parts;  ///< [count, n]
  bool adds;
  double factor;
  T* total;

  std::int64_t blocks() const { return blocks_for(n, 32); }
  void operands(Operands& o) const {
    o.reads(parts, count * n);
    o.writes(total, n);
  }
  __device__ void operator()(std::int64_t block) const {
    __shared__ double rows[8][32];
    const unsigned column = threadIdx.x % 32, row = threadIdx.x / 32;
    const std::int64_t i = block * 32 + column;
    double sum = 0.0;
    for (std::int64_t p = row; i < n && p < count; p += 8)
      sum += static_cast<double>(parts[p * n + i]);
    rows[row][column] = sum;
    __syncthreads();
    if (row != 0 || i >= n)
      return;
    for (int r = 1; r < 8; ++r)
      sum += rows[r][column];
    total[i] = static_cast<T>((adds ? static_cast<double>(total[i]) : 0.0) + factor * sum);
  }
};

/// total (+)= the sum of parts [count, n].
template <class Part, class T>
void sum_of_parts(std::int64_t count, std::int64_t n, const Part* parts, bool adds, T* total, double factor = 1.0) {
  launch(SumOfParts<Part, T>{count, n, parts, adds, factor, total});
}

/// total[i] += the sum over samples and directions of squares of gradients, each the sum of `pieces` parts, in double;
/// parts [samples, pieces, D, n].
template <class T>
struct SumOfSquares {
  static constexpr int kThreads = 256;
  std::int64_t samples, pieces, D, n;
  const T* parts;
  double* total;

  std::int64_t blocks() const { return blocks_for(n, 32); }
  void operands(Operands& o) const {
    o.reads(parts, samples * pieces * D * n);
    o.writes(total, n);
  }
  __device__ void operator()(std::int64_t block) const {
    __shared__ double rows[8][32];
    const unsigned column = threadIdx.x % 32, row = threadIdx.x / 32;
    const std::int64_t i = block * 32 + column;
    double sum = 0.0;
    for (std::int64_t at = row; i < n && at < samples * D; at += 8) {
      double gradient = 0.0;
      for (std::int64_t piece = 0; piece < pieces; ++piece)
        gradient += static_cast<double>(parts[((at / D * pieces + piece) * D + at % D) * n + i]);
      sum += gradient * gradient;
    }
    rows[row][column] = sum;
    __syncthreads();
    if (row != 0 || i >= n)
      return;
    for (int r = 1; r < 8; ++r)
      sum += rows[r][column];
    total[i] += sum;
  }
};

/// total [D, 2, C], the cotangent of scales and shifts, (+)= the sum over p of parts [count, D, 2, C], in double.
template <class Part, class T>
struct SumOfAffine {
  static constexpr int kThreads = 256;
  std::int64_t count, D, C;
  const Part* parts;
  bool adds;
  T* total;
  TakenPull<T> pull = {};

  bool absorb(const FoldPull<T>& other) { return pull.take(other, total); }
  std::int64_t blocks() const { return blocks_for(D * C, 32); }
  void operands(Operands& o) const {
    o.reads(parts, count * D * 2 * C);
    o.writes(total, D * 2 * C);
    pull.operands(o);
  }
  __device__ void operator()(std::int64_t block) const {
    __shared__ double rows[2][8][32];
    const unsigned column = threadIdx.x % 32, row = threadIdx.x / 32;
    const std::int64_t i = block * 32 + column, at = i / C * 2 * C + i % C;
    double scale = 0.0, shift = 0.0;
    for (std::int64_t p = row; i < D * C && p < count; p += 8) {
      scale += static_cast<double>(parts[p * D * 2 * C + at]);
      shift += static_cast<double>(parts[p * D * 2 * C + at + C]);
    }
    rows[0][row][column] = scale;
    rows[1][row][column] = shift;
    __syncthreads();
    if (row != 0 || i >= D * C)
      return;
    for (int r = 1; r < 8; ++r) {
      scale += rows[0][r][column];
      shift += rows[1][r][column];
    }
    total[at] = static_cast<T>((adds ? static_cast<double>(total[at]) : 0.0) + scale);
    total[at + C] = static_cast<T>((adds ? static_cast<double>(total[at + C]) : 0.0) + shift);
    pull.put(i);
  }
};

template <class Part, class T>
void sum_of_affine(std::int64_t count, std::int64_t D, std::int64_t C, const Part* parts, bool adds, T* total) {
  launch(SumOfAffine<Part, T>{count, D, C, parts, adds, total});
}

/// moments [2, K] of M values per channel from parts [count, K], MomentsParts as three numbers each.
template <class T>
void merge_moments(std::int64_t count, std::int64_t K, std::int64_t M, const Tensor& parts, T* moments) {
  launch(
      MergeMoments<StoreMoments<T>>{{K, count, K, 1, reinterpret_cast<const MomentsPart*>(parts.device_data<double>())},
                                    static_cast<double>(M),
                                    {K, nullptr, moments}});
}

}  // namespace ockham::cuda
