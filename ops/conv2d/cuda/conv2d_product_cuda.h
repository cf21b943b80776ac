#pragma once
// Convolutions as matrix products in tiles, without ever storing the matrix of taps: y [M, pixels] = A [M, L] rows
// [L, pixels], rows being made chunk by chunk in shared memory. Three kinds of rows give the forward pass and the input
// gradient of any convolution, and a depthwise convolution with the 1x1 behind it in one. A block makes 4,096 outputs,
// m channels of as many pixels; a thread 4 x 4 of them. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/launch.h"
#include "ops/conv2d/cuda/conv2d_maps_cuda.h"
#include "ops/conv2d/cuda/conv2d_sums_cuda.h"
#include "ops/conv2d/cuda/conv2d_tiles_cuda.h"

namespace ockham::cuda {

enum class ProductRows {
  kTaps,        ///< row (c, t): what tap t of input channel c reads
  kTransposed,  ///< row (k, t): what is read by tap t of filter k
  kDepthwise,   ///< row c: channel c of a depthwise convolution
};

/// What a thread of ConvProduct ends with: four channels, channel + i, of four pixels.
struct ProductPlace {
  int D, d, tile;          ///< directions, the block's, and the tile of it
  int channel, end;        ///< the thread's first channel; those from `end` on are none
  int first, channels;     ///< the first of the block, and how many it has, a multiple of 4
  int lane, lanes;         ///< which of the threads with the same channels it is
  int pixels;              ///< of the tile within the map
  int n;                   ///< sample of the pixels, within its direction
  std::int64_t sample, p;  ///< sample of all; the first pixel, which the others follow
  int inside;              ///< how many of the four are in the map

  __device__ bool is_in_use() const { return channel < first + channels && lane < lanes; }
};

/// Sums of two values per channel over a block: calls body(channel, a, b) in one thread for each, with the sums in
/// double. All threads of the block have to call it. room: 2 (lanes + 1) channels elements.
template <class T, class Body>
__device__ void sum_channels(const ProductPlace& place, const T (&a)[4], const T (&b)[4], T* room, Body&& body) {
  const int pitch = place.lanes + 1;  // neither writes along lanes nor reads along channels share banks
  __syncthreads();
  if (place.is_in_use()) {
    for (int i = 0; i < 4; ++i) {
      T* const to = room + (place.channel - place.first + i) * pitch + place.lane;
      to[0] = a[i];
      to[pitch * place.channels] = b[i];
    }
  }
  __syncthreads();
  for (int c = static_cast<int>(threadIdx.x); c < place.channels && place.first + c < place.end; c += 256) {
    double a_sum = 0.0, b_sum = 0.0;
    for (int lane = 0; lane < place.lanes; ++lane) {
      a_sum += static_cast<double>(room[c * pitch + lane]);
      b_sum += static_cast<double>(room[(place.channels + c) * pitch + lane]);
    }
    body(place.first + c, a_sum, b_sum);
  }
}

/// A value as it will be read back.
template <class S, class T>
__device__ __forceinline__ T stored_as(T value) {
  S stored;
  store(&stored, 0, value);
  return T(load(&stored, 0));
}

/// Stores y, and the moments of what each block has stored, around the first value that a channel has there.
template <class T, class To>
struct StoreMap {
  To* y;  ///< [D*N, K, plane]
  bool adds;
  MomentsPart* parts;  ///< [tiles, K]; null: not wanted. Only for D = 1
  int K;
  std::int64_t plane;

  void operands(Operands& o, const ConvSize& s, int tiles) const {
    o.writes(y, s.samples() * K * plane);
    o.writes(parts, static_cast<std::int64_t>(tiles) * K);
  }
  __device__ void operator()(const ProductPlace& place, T (&sums)[4][4], T* room) const {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (place.inside == 0 || place.channel + i >= place.end)
        continue;
      To* const to = y + (place.sample * K + place.channel + i) * plane + place.p;
      if (adds) {
        T before[4];
        load_four(to, place.inside, before);
#pragma unroll
        for (int j = 0; j < 4; ++j)
          sums[i][j] += before[j];
      }
      store_four(to, place.inside, sums[i]);
#pragma unroll
      for (int j = 0; j < 4; ++j)
        sums[i][j] = stored_as<To>(sums[i][j]);  // the moments are those of what is stored
    }
    if (parts == nullptr)
      return;
    T* const pivots = room;  // [channels]
    if (place.is_in_use() && place.lane == 0) {
      for (int i = 0; i < 4; ++i)
        pivots[place.channel - place.first + i] = sums[i][0];
    }
    __syncthreads();
    T sum[4] = {}, squares[4] = {};
    if (place.is_in_use()) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const T pivot = pivots[place.channel - place.first + i];
#pragma unroll
        for (int j = 0; j < 4; ++j) {
          const T centred = j < place.inside ? sums[i][j] - pivot : T(0);
          sum[i] += centred;
          squares[i] += centred * centred;
        }
      }
    }
    sum_channels(place, sum, squares, room + place.channels, [&](int k, double total, double square) {
      const double shift = total / place.pixels;
      const double rest = square - shift * total;
      parts[static_cast<std::int64_t>(place.tile) * K + k] = {static_cast<double>(place.pixels),
                                                              static_cast<double>(pivots[k - place.first]) + shift,
                                                              rest > 0.0 ? rest : 0.0};
    });
  }
};

/// Pulls the cotangent of a loaded map through its load: x_bar, and the sums that the cotangent of the affine needs.
template <class T, class S>
struct PutLoad {
  LoadedMap<T, S> x;  ///< does not move
  T* x_bar;           ///< [D*N, C, plane]; null: not wanted
  bool adds;
  T* parts;  ///< [tiles, D, 2, C]; null: not wanted

  void operands(Operands& o, const ConvSize& s, int tiles) const {
    x.operands(o, s.D);
    o.writes(x_bar, s.samples() * x.C * x.plane);
    o.writes(parts, 2LL * tiles * s.D * x.C);
  }
  __device__ void operator()(const ProductPlace& place, T (&sums)[4][4], T* room) const {
    T s_bar[4] = {}, b_bar[4] = {};
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int c = place.channel + i;
      if (place.inside == 0 || c >= place.end)
        continue;
      const auto channel = x.channel(place.d, c);
      T stored[4], bars[4] = {};
      load_four(x.x + (static_cast<std::int64_t>(place.n) * x.C + c) * x.plane + place.p, place.inside, stored);
      T* const to = x_bar ? x_bar + (place.sample * x.C + c) * x.plane + place.p : nullptr;
      if (x_bar && adds)
        load_four(to, place.inside, bars);
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const T bar = j < place.inside ? x.masked(channel, stored[j], sums[i][j]) : T(0);
        s_bar[i] += bar * stored[j];
        b_bar[i] += bar;
        bars[j] += channel.s * bar;
      }
      if (x_bar)
        store_four(to, place.inside, bars);
    }
    if (parts)
      sum_channels(place, s_bar, b_bar, room, [&](int c, double s, double b) {
        T* const to = parts + (static_cast<std::int64_t>(place.tile) * place.D + place.d) * 2 * x.C + c;
        to[0] = static_cast<T>(s);
        to[x.C] = static_cast<T>(b);
      });
  }
};

/// Room in shared memory, in elements: 40 KB in all.
template <class T>
struct ProductRoom {
  static constexpr int kChunk = sizeof(T) == 4 ? 16 : 8;  ///< most rows of a chunk
  static constexpr int kRows = sizeof(T) == 4 ? 2048 : 1024;
  static constexpr int kWeights = kChunk * (128 + 4);
  static constexpr int kHalo = sizeof(T) == 4 ? 5120 : 2560;
  static constexpr int kMostTaps = 49;  ///< of a depthwise convolution
};

/// How the work of a ConvProduct is cut: conv2d_product_cuda.cu.
struct ProductPlan {
  ProductRows rows;
  int groups, M, L;      ///< products; output channels and rows of each
  int m, m_tiles;        ///< output channels of a block, a multiple of 4, at most 128
  int pixels;            ///< of a block: a power of two, 4,096 / m or a little less
  int chunk;             ///< rows at a time
  int plane_h, plane_w;  ///< of the output
  TileGrid grid;
  HaloTile halo;  ///< kDepthwise
};

template <class Source, class Output>
struct ConvProduct {
  using T = typename Source::Value;
  using Room = ProductRoom<T>;
  static constexpr int kThreads = 256;
  static constexpr int kBlocksAtOnce = 2;           // more would spill registers
  static constexpr std::size_t kBatchBytes = 8192;  // the 32 units that read the first two states of a cell
  ConvSize s;
  ProductPlan plan;
  Source x;
  const T* depthwise;  ///< [C, taps]; kDepthwise
  const T* w;          ///< of the product
  bool w_moves;
  Output out;

  std::int64_t blocks() const {
    return static_cast<std::int64_t>(s.D) * plan.grid.count() * plan.groups * plan.m_tiles;
  }
  std::int64_t w_numel() const { return static_cast<std::int64_t>(plan.groups) * plan.M * plan.L; }
  void operands(Operands& o) const {
    x.operands(o, s.D);
    o.reads(depthwise, depthwise ? s.w_numel() : 0);
    o.reads(w, (w_moves ? s.D : 1) * w_numel());
    out.operands(o, s, plan.grid.count());
  }

  __device__ void operator()(std::int64_t block) const {
    alignas(16) __shared__ T rows[Room::kRows];
    alignas(16) __shared__ T weights[Room::kWeights];
    alignas(16) __shared__ T halo[Room::kHalo];
    __shared__ T filters[Room::kChunk * Room::kMostTaps];
    __shared__ Row table[Room::kChunk];
    const int number = static_cast<int>(block), m_tile = number % plan.m_tiles;
    const int group = number / plan.m_tiles % plan.groups;
    const int tile = number / plan.m_tiles / plan.groups % plan.grid.count();
    const int d = number / plan.m_tiles / plan.groups / plan.grid.count();
    const TilePlace tile_place(plan.grid, tile);
    const ProductPlace place = place_of(d, tile, tile_place, group, m_tile);
    const T* const w_here = w + (w_moves ? d * ((plan.groups * static_cast<std::int64_t>(plan.M)) * plan.L) : 0);

    T sums[4][4] = {};
    for (int first = 0; first < plan.L; first += plan.chunk) {
      const int count = first + plan.chunk < plan.L ? plan.chunk : plan.L - first;
      if (static_cast<int>(threadIdx.x) < count)
        table[threadIdx.x] = row_of(d, group, first + static_cast<int>(threadIdx.x));
      load_weights(w_here, group, m_tile * plan.m, first, count, weights);
      __syncthreads();
      if (plan.rows == ProductRows::kDepthwise)
        make_depthwise(d, tile_place, first, count, table, halo, filters, rows);
      else
        make_taps(d, tile_place, count, table, rows);
      __syncthreads();
      if (place.is_in_use())
        multiply(place, count, weights, rows, sums);
      __syncthreads();
    }
    out(place, sums, halo);
  }

 private:
  /// Where a row comes from.
  struct Row {
    int channel, r, t;
    typename Source::Channel numbers;
  };

  __device__ ProductPlace place_of(int d, int tile, const TilePlace& tile_place, int group, int m_tile) const {
    const TileGrid& grid = plan.grid;
    ProductPlace place{};
    place.D = s.D;
    place.d = d;
    place.tile = tile;
    const int all_lanes = plan.pixels / 4;
    place.lanes = grid.pixels() / 4;
    place.lane = static_cast<int>(threadIdx.x) % all_lanes;
    place.first = group * plan.M + m_tile * plan.m;
    place.channels = plan.m;
    place.channel = place.first + static_cast<int>(threadIdx.x) / all_lanes * 4;
    place.end = (group + 1) * plan.M < place.first + plan.m ? (group + 1) * plan.M : place.first + plan.m;
    const TilePixel pixel(grid, 4 * place.lane);
    const int row = tile_place.h + pixel.row, column = tile_place.w + pixel.column;
    place.n = tile_place.n + pixel.n;
    place.sample = static_cast<std::int64_t>(d) * s.N + place.n;
    place.p = static_cast<std::int64_t>(row) * plan.plane_w + column;
    if (is_inside(tile_place, pixel, s.N, plan.plane_h, plan.plane_w, grid))
      place.inside = plan.plane_w - column < 4 ? plan.plane_w - column : 4;
    place.pixels = least(grid.n, s.N - tile_place.n) * least(grid.h, plan.plane_h - tile_place.h) *
                   least(grid.w, plan.plane_w - tile_place.w);
    return place;
  }
  static __device__ int least(int a, int b) { return a < b ? a : b; }

  __device__ Row row_of(int d, int group, int i) const {
    Row row{};
    if (plan.rows == ProductRows::kDepthwise) {
      row.channel = i;
    } else {
      const int taps = s.taps(), channels = plan.L / taps;
      row.channel = group * channels + i / taps;
      row.r = i % taps / s.S;
      row.t = i % taps % s.S;
    }
    row.numbers = x.channel(d, row.channel);
    return row;
  }

  /// weights [count, m + 4]: the product's factor for rows first .. first + count, zero beyond its channels.
  __device__ void load_weights(const T* from, int group, int first_m, int first, int count, T* weights) const {
    const int pitch = plan.m + 4;
    const std::int64_t base = static_cast<std::int64_t>(group) * plan.M;
    for (int i = static_cast<int>(threadIdx.x); i < count * plan.m; i += kThreads) {
      // Neighbours read neighbours: along L where that is how w lies.
      const bool is_transposed = plan.rows == ProductRows::kTransposed;
      const int row = is_transposed ? i / plan.m : i % count, m = is_transposed ? i % plan.m : i / count;
      T value = T(0);
      if (first_m + m < plan.M) {
        const int taps = s.taps(), l = first + row;
        value = is_transposed
                    ? from[(base / plan.M * (plan.L / taps) + l / taps) * (static_cast<std::int64_t>(plan.M) * taps) +
                           (first_m + m) * taps + l % taps]
                    : from[(base + first_m + m) * plan.L + l];
      }
      weights[row * pitch + m] = value;
    }
  }

  __device__ void make_taps(int d, const TilePlace& tile, int count, const Row* table, T* rows) const {
    const bool is_transposed = plan.rows == ProductRows::kTransposed;
    const TapReader reader{s.stride,     s.pad, s.dilation, is_transposed ? s.P : s.H, is_transposed ? s.Q : s.W,
                           is_transposed};
    const int i = static_cast<int>(threadIdx.x) % plan.pixels;
    const TilePixel pixel(plan.grid, i);
    const bool is_there = is_inside(tile, pixel, s.N, plan.plane_h, plan.plane_w, plan.grid);
    const SampleAt at(s.N, d, tile.n + pixel.n);
    for (int row = static_cast<int>(threadIdx.x) / plan.pixels; row < count; row += kThreads / plan.pixels) {
      const Row& from = table[row];
      const int p = is_there ? reader(tile.h + pixel.row, tile.w + pixel.column, from.r, from.t) : -1;
      rows[row * plan.pixels + i] = p < 0 ? T(0) : x.value(from.numbers, at, from.channel, p);
    }
  }

  __device__ void make_depthwise(int d, const TilePlace& tile, int first, int count, const Row* table, T* halo,
                                 T* filters, T* rows) const {
    for (int i = static_cast<int>(threadIdx.x); i < count * s.taps(); i += kThreads)
      filters[i] = depthwise[first * s.taps() + i];
    load_halo<kThreads>(
        s, x, [&](int c) -> const auto& { return table[c].numbers; }, d, plan.grid, tile, plan.halo, first, count,
        halo);
    __syncthreads();
    convolve_halo<kThreads>(s, plan.grid, plan.halo, count, halo, filters, rows, plan.pixels);
  }

  __device__ void multiply(const ProductPlace& place, int count, const T* weights, const T* rows,
                           T (&sums)[4][4]) const {
    const int pitch = plan.m + 4, at = place.channel - place.first;
    for (int row = 0; row < count; ++row) {
      const Four<T> a = four_at(weights + row * pitch + at), b = four_at(rows + row * plan.pixels + 4 * place.lane);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j)
          sums[i][j] = multiply_add(a.v[i], b.v[j], sums[i][j]);
      }
    }
  }
};

/// Whether a product of these rows can be cut so that its tiles fit, and how. For float or double.
template <class T>
bool plan_product(const ConvSize& s, ProductRows rows, int M, ProductPlan& plan);

}  // namespace ockham::cuda
