#pragma once
// The second launches of long sums: parts that many blocks left, put together in an order that the sizes alone decide.
// A block takes 32 columns, its 8 rows of threads every eighth part, so that reads are coalesced and several are in
// flight. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/launch.h"
#include "engine/tensor.h"
#include "ops/batch_norm_fold/batch_norm_fold_cuda.h"

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

/// The number, the mean and the sum of squared deviations of some values.
struct MomentsPart {
  double count, mean, squares;
};

/// moments [2, K], means and biased variances of M values per channel, from those of parts of them. Chan, Golub,
/// LeVeque 1983.
template <class T>
struct MergeTileMoments {
  static constexpr int kThreads = 256;
  std::int64_t count, K, M;
  const MomentsPart* parts;  ///< [count, K]
  T* moments;
  TakenFold<T> fold = {};

  bool absorb(const FoldForward<T>& other) { return fold.take(other, moments); }
  std::int64_t blocks() const { return blocks_for(K, 32); }
  void operands(Operands& o) const {
    o.reads(parts, count * K);
    o.writes(moments, 2 * K);
    fold.operands(o);
  }
  __device__ void operator()(std::int64_t block) const {
    __shared__ double rows[8][32];
    const unsigned column = threadIdx.x % 32, row = threadIdx.x / 32;
    const std::int64_t k = block * 32 + column;
    const std::int64_t end = k < K ? count : 0;
    double sum = 0.0;
    for (std::int64_t p = row; p < end; p += 8)
      sum += parts[p * K + k].count * parts[p * K + k].mean;
    const double mean = total(rows, sum) / static_cast<double>(M);
    double squares = 0.0;
    for (std::int64_t p = row; p < end; p += 8) {
      const MomentsPart& part = parts[p * K + k];
      squares += part.squares + part.count * (part.mean - mean) * (part.mean - mean);
    }
    squares = total(rows, squares);
    if (row == 0 && k < K) {
      moments[k] = static_cast<T>(mean);
      moments[K + k] = static_cast<T>(squares / static_cast<double>(M));
      fold.put(k);
    }
  }

 private:
  /// Over the rows, in every thread of a column.
  static __device__ double total(double (&rows)[8][32], double value) {
    const unsigned column = threadIdx.x % 32;
    __syncthreads();
    rows[threadIdx.x / 32][column] = value;
    __syncthreads();
    double sum = rows[0][column];
    for (int r = 1; r < 8; ++r)
      sum += rows[r][column];
    return sum;
  }
};

/// moments [2, K] of M values per channel from parts [count, K], MomentsParts as three numbers each.
template <class T>
void merge_moments(std::int64_t count, std::int64_t K, std::int64_t M, const Tensor& parts, T* moments) {
  launch(MergeTileMoments<T>{count, K, M, reinterpret_cast<const MomentsPart*>(parts.device_data<double>()), moments});
}

}  // namespace ockham::cuda
