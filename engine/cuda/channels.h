#pragma once
// Moments and sums of each channel of [N, C, P], in two launches: of pieces, one to a warp, that stay in its registers;
// then of the pieces of a channel, in order of nothing but their number. In T within a lane, in double from there on.
// For .cu files.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "engine/cuda/planes.h"
#include "engine/tensor.h"

namespace ockham::cuda {

/// The N*P values of every channel, cut into pieces of 32 * kLoads loads.
struct ChannelPieces {
  static constexpr int kThreads = 256;
  static constexpr int kLoads = 8;  // of a lane, all under way at once
  static constexpr std::int64_t kPiece = 32 * kLoads;

  std::int64_t N, C, P;
  int step;                ///< elements of a load: kWidth, or 1 where not wide
  std::int64_t loads;      ///< of a channel
  std::int64_t pieces;     ///< of a channel
  std::int64_t per_plane;  ///< loads

  __host__ __device__ std::int64_t count() const { return C * pieces; }
  __host__ __device__ double M() const { return static_cast<double>(N * P); }
  /// Values of a piece.
  __device__ double size(std::int64_t piece) const {
    const std::int64_t rest = loads - piece * kPiece;
    return static_cast<double>((rest < kPiece ? rest : kPiece) * step);
  }
  /// body(u, offset of the load in the map) for loads u of this lane, u < kLoads a constant where the loop is unrolled.
  template <class Body>
  __device__ __forceinline__ void each(std::int64_t c, std::int64_t piece, Body&& body) const {
    const std::int64_t first = piece * kPiece + threadIdx.x % 32;
    std::int64_t n = first / per_plane;
    std::int64_t at = first % per_plane;
    const std::int64_t planes = 32 / per_plane;  // to the next load
    const std::int64_t rest = 32 % per_plane;
#pragma unroll
    for (int u = 0; u < kLoads; ++u) {
      if (first + u * 32 < loads)
        body(u, (n * C + c) * P + at * step);
      n += planes;
      at += rest;
      if (at >= per_plane) {
        at -= per_plane;
        ++n;
      }
    }
  }
};

/// @param wide is_wide() of P and all addresses
template <class T>
ChannelPieces pieces_of(std::int64_t N, std::int64_t C, std::int64_t P, bool wide) {
  ChannelPieces map{.N = N, .C = C, .P = P, .step = wide ? kWidth<T> : 1, .loads = 0, .pieces = 0, .per_plane = 1};
  map.per_plane = std::max<std::int64_t>(1, P / map.step);
  map.loads = N * P / map.step;
  map.pieces = blocks_for(map.loads, ChannelPieces::kPiece);
  return map;
}

/// The number, the mean and the sum of squared deviations of some values.
struct MomentsPart {
  double count, mean, squares;
};

/// parts[c, piece] = those of the piece.
template <class T>
struct PieceMoments {
  static constexpr int kThreads = ChannelPieces::kThreads;
  ChannelPieces map;
  const T* x;
  MomentsPart* parts;  ///< [C, pieces]
  std::int64_t blocks() const { return blocks_for(map.count(), kThreads / 32); }
  void operands(Operands& o) const {
    o.reads(x, map.N * map.C * map.P);
    o.writes(parts, map.count());
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * (kThreads / 32) + threadIdx.x / 32;
    if (i >= map.count())
      return;  // a whole warp
    const std::int64_t piece = i % map.pieces;
    Values<T> values[ChannelPieces::kLoads];
    T sum = T(0);
    int loaded = 0;
    map.each(i / map.pieces, piece, [&](int u, std::int64_t at) {
      values[u] = load_values<T>(x, at, map.step > 1);
      loaded = u + 1;
    });
#pragma unroll
    for (int u = 0; u < ChannelPieces::kLoads; ++u)
      for_each_value(u < loaded, values[u], [&](T value) { sum += value; });
    const double size = map.size(piece);
    const T pivot = warp_sum(sum) / static_cast<T>(size);
    T rest = T(0);  // of the mean, which rounding leaves
    T squares = T(0);
#pragma unroll
    for (int u = 0; u < ChannelPieces::kLoads; ++u)
      for_each_value(u < loaded, values[u], [&](T value) {
        rest += value - pivot;
        squares += (value - pivot) * (value - pivot);
      });
    const double shift = warp_sum(static_cast<double>(rest)) / size;
    const double deviation = warp_sum(static_cast<double>(squares)) - shift * shift * size;
    if (threadIdx.x % 32 == 0)
      parts[i] = {size, static_cast<double>(pivot) + shift, deviation < 0.0 ? 0.0 : deviation};
  }
  template <class Body>
  __device__ __forceinline__ void for_each_value(bool is_loaded, const Values<T>& values, Body&& body) const {
    if (!is_loaded)
      return;
#pragma unroll
    for (int k = 0; k < kWidth<T>; ++k) {
      if (k < map.step)
        body(values.at[k]);
    }
  }
};

/// Parts of C channels: part p of channel c stands at p * part_step + c * channel_step.
struct MomentsParts {
  std::int64_t C, count, part_step, channel_step;
  const MomentsPart* data;
};

/// finish(c, mean, biased variance) of the M values of every channel, from those of its parts. Finish tells its
/// operands(o, C). Chan, Golub, LeVeque 1983.
template <class Finish>
struct MergeMoments {
  static constexpr int kThreads = 256;
  static constexpr std::size_t kBatchBytes = 16384;  // of all units that read the first two states of a cell
  MomentsParts parts;
  double M;
  Finish finish;
  template <class Second>
  bool absorb(const Second& second) {
    return finish.absorb(second);
  }
  std::int64_t blocks() const { return blocks_for(parts.C, kThreads / 32); }
  void operands(Operands& o) const {
    o.reads(parts.data, parts.C * parts.count);
    finish.operands(o, parts.C);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t c = block * (kThreads / 32) + threadIdx.x / 32;
    if (c >= parts.C)
      return;  // a whole warp
    const MomentsPart* const of_channel = parts.data + c * parts.channel_step;
    double mean = 0.0;
    for (std::int64_t p = threadIdx.x % 32; p < parts.count; p += 32) {
      const MomentsPart& part = of_channel[p * parts.part_step];
      mean += part.count * part.mean;
    }
    mean = warp_sum(mean) / M;
    double squares = 0.0;
    for (std::int64_t p = threadIdx.x % 32; p < parts.count; p += 32) {
      const MomentsPart& part = of_channel[p * parts.part_step];
      squares += part.squares + part.count * (part.mean - mean) * (part.mean - mean);
    }
    squares = warp_sum(squares);
    if (threadIdx.x % 32 == 0)
      finish(c, mean, squares / M);
  }
};

/// finish() of the mean and variance of every channel of x [N, C, P], on `device`.
template <class T, class Finish>
void merge_moments(const T* data, Device device, std::int64_t N, std::int64_t C, std::int64_t P, const Finish& finish) {
  const ChannelPieces map = pieces_of<T>(N, C, P, is_wide<T>(P, data));
  Tensor parts({C, map.pieces, 3}, DType::kFloat64, device);
  auto* const of_pieces = reinterpret_cast<MomentsPart*>(parts.device_data<double>());
  launch(PieceMoments<T>{.map = map, .x = data, .parts = of_pieces});
  launch(MergeMoments<Finish>{
      .parts = {.C = C, .count = map.pieces, .part_step = 1, .channel_step = map.pieces, .data = of_pieces},
      .M = map.M(),
      .finish = finish});
}
template <class T, class Finish>
void merge_moments(const Tensor& x, std::int64_t N, std::int64_t C, std::int64_t P, const Finish& finish) {
  merge_moments(x.device_data<T>(), x.device(), N, C, P, finish);
}

/// Sums over a channel of a, of a^2, and of a (b - pivot).
struct ChannelSums {
  double sum = 0.0;
  double squares = 0.0;
  double cross = 0.0;
};

/// The sums of pieces, for D directions of a, and of b where it has them. A pivot is rounded to T here.
template <class T>
struct PieceSums {
  static constexpr int kThreads = ChannelPieces::kThreads;
  ChannelPieces map;
  std::int64_t D;
  bool b_has_directions;
  const T* a;
  const T* b;
  const double* pivots;  ///< [C]; null: zeros
  ChannelSums* parts;    ///< [D, C, pieces]
  std::int64_t blocks() const { return blocks_for(D * map.count(), kThreads / 32); }
  void operands(Operands& o) const {
    const std::int64_t numel = map.N * map.C * map.P;
    o.reads(a, D * numel);
    o.reads(b, (b_has_directions ? D : 1) * numel);
    o.reads(pivots, map.C);
    o.writes(parts, D * map.count());
  }
  /// Directions of a piece follow each other, so that b is read from the cache again.
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * (kThreads / 32) + threadIdx.x / 32;
    if (i >= D * map.count())
      return;  // a whole warp
    const std::int64_t d = i % D;
    const std::int64_t c = i / D / map.pieces;
    const std::int64_t piece = i / D % map.pieces;
    const std::int64_t numel = map.N * map.C * map.P;
    const T* const a_d = a + d * numel;
    const T* const b_d = b + (b_has_directions ? d * numel : 0);
    const T pivot = pivots ? static_cast<T>(pivots[c]) : T(0);
    T sum = T(0);
    T squares = T(0);
    T cross = T(0);
    map.each(c, piece, [&](int, std::int64_t at) {
      const Values<T> x = load_values<T>(a_d, at, map.step > 1);  // zeros behind a single element
      const Values<T> y = load_values<T>(b_d, at, map.step > 1);
#pragma unroll
      for (int k = 0; k < kWidth<T>; ++k) {
        sum += x.at[k];
        squares += x.at[k] * x.at[k];
        cross += x.at[k] * (y.at[k] - pivot);
      }
    });
    const ChannelSums total{warp_sum(static_cast<double>(sum)), warp_sum(static_cast<double>(squares)),
                            warp_sum(static_cast<double>(cross))};
    if (threadIdx.x % 32 == 0)
      parts[(d * map.C + c) * map.pieces + piece] = total;
  }
};

/// finish(d, c, C, sums about the exact pivot) for every direction and channel. Finish tells its operands(o, D, C).
template <class T, class Finish>
struct MergeSums {
  static constexpr int kThreads = 256;
  std::int64_t D, C, pieces;
  const double* pivots;
  const ChannelSums* parts;
  Finish finish;
  std::int64_t blocks() const { return blocks_for(D * C, kThreads / 32); }
  void operands(Operands& o) const {
    o.reads(pivots, C);
    o.reads(parts, D * C * pieces);
    finish.operands(o, D, C);
  }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * (kThreads / 32) + threadIdx.x / 32;
    if (i >= D * C)
      return;  // a whole warp
    ChannelSums total;
    for (std::int64_t p = threadIdx.x % 32; p < pieces; p += 32) {
      const ChannelSums& part = parts[i * pieces + p];
      total.sum += part.sum;
      total.squares += part.squares;
      total.cross += part.cross;
    }
    total = {warp_sum(total.sum), warp_sum(total.squares), warp_sum(total.cross)};
    if (pivots != nullptr)
      total.cross += (static_cast<double>(static_cast<T>(pivots[i % C])) - pivots[i % C]) * total.sum;
    if (threadIdx.x % 32 == 0)
      finish(i / C, i % C, C, total);
  }
};

/// finish() of the sums of D directions of a [D*N, C, P] and b [N, C, P], or as large as a.
/// @param pivots float64 [C], or undefined: zeros
template <class T, class Finish>
void merge_sums(std::int64_t D, const Tensor& a, const Tensor& b, const Tensor& pivots, std::int64_t N, std::int64_t C,
                std::int64_t P, const Finish& finish) {
  const ChannelPieces map = pieces_of<T>(N, C, P, is_wide<T>(P, a.device_data<T>(), b.device_data<T>()));
  Tensor parts({D, C, map.pieces, 3}, DType::kFloat64, a.device());
  auto* const sums = reinterpret_cast<ChannelSums*>(parts.device_bytes());
  const double* const pivot = pivots ? pivots.device_data<double>() : nullptr;
  launch(PieceSums<T>{.map = map,
                      .D = D,
                      .b_has_directions = b.numel() == a.numel(),
                      .a = a.device_data<T>(),
                      .b = b.device_data<T>(),
                      .pivots = pivot,
                      .parts = sums});
  launch(MergeSums<T, Finish>{.D = D, .C = C, .pieces = map.pieces, .pivots = pivot, .parts = sums, .finish = finish});
}

/// finish(d, c, C, no sums) for every direction and channel: where none are needed.
template <class Finish>
struct ForChannels {
  static constexpr int kThreads = 64;
  std::int64_t D, C;
  Finish finish;
  std::int64_t blocks() const { return blocks_for(D * C, kThreads); }
  void operands(Operands& o) const { finish.operands(o, D, C); }
  __device__ void operator()(std::int64_t block) const {
    const std::int64_t i = block * kThreads + threadIdx.x;
    if (i < D * C)
      finish(i / C, i % C, C, ChannelSums{});
  }
};

}  // namespace ockham::cuda
