#pragma once
// The gradient of a convolution's weights as a matrix product over pixels in tiles: w_bar [M, L] = z_bar [M, pixels]
// rows [L, pixels]^T. Rows are the taps of a map, or the channels of a depthwise convolution of it, made again in
// shared memory. Each block adds up the tiles of its part; a second launch adds up the parts. For .cu files.
#include <cuda_runtime.h>

#include <cstdint>

#include "engine/cuda/launch.h"
#include "ops/conv2d/cuda/conv2d_maps_cuda.h"
#include "ops/conv2d/cuda/conv2d_tiles_cuda.h"

namespace ockham::cuda {

/// Room in shared memory, in elements: within 48 KB in all.
template <class T>
struct WeightRoom {
  static constexpr int kPad = 16 / sizeof(T);  ///< of a row: neighbours then lie in other banks
  static constexpr int kRows = sizeof(T) == 4 ? 64 * (64 + kPad) : 64 * (32 + kPad);
  static constexpr int kHalo = sizeof(T) == 4 ? 2432 : 1024;  ///< 8 channels of a dilated 5x5 on 8x8, padded
  static constexpr int kChunk = sizeof(T) == 4 ? 8 : 4;       ///< most channels of a depthwise convolution at a time
  static constexpr int kMostTaps = 49;
};

/// How the work is cut: conv2d_weight_product_cuda.cu.
struct WeightPlan {
  bool is_depthwise;  ///< rows are channels of a depthwise convolution
  int groups, M, L;   ///< products, and the sizes of each
  int m, l;           ///< of a block, multiples of 4, at most 64
  int m_tiles, l_tiles;
  int pixels;  ///< of a tile: a power of two
  int chunk;   ///< channels of a depthwise convolution at a time
  int tiles;   ///< of a part
  TileGrid grid;
  HaloTile halo;

  __host__ __device__ int parts() const { return tiles_over(grid.count(), tiles); }
};

/// parts [part, D, groups, M, L]
template <class Source, class Cotangent>
struct ConvWeightProduct {
  using T = typename Cotangent::Value;
  using Room = WeightRoom<T>;
  static constexpr int kThreads = 256;
  static constexpr int kBlocksAtOnce = 2;                      // more would spill registers
  static constexpr std::size_t kBatchBytes = kMostBatchBytes;  // nobody waits for the gradient of a weight
  ConvSize s;
  WeightPlan plan;
  Source x;
  const T* depthwise;  ///< [C, taps]; is_depthwise
  Cotangent z_bar;     ///< [D*N, groups M, P, Q]
  T* parts;

  std::int64_t numel() const { return static_cast<std::int64_t>(plan.groups) * plan.M * plan.L; }
  std::int64_t blocks() const {
    return static_cast<std::int64_t>(plan.parts()) * s.D * plan.groups * plan.m_tiles * plan.l_tiles;
  }
  void operands(Operands& o) const {
    x.operands(o, s.D);
    o.reads(depthwise, depthwise ? s.w_numel() : 0);
    z_bar.operands(o, s.D);
    o.writes(parts, plan.parts() * s.D * numel());
  }

  __device__ void operator()(std::int64_t block) const {
    alignas(16) __shared__ T tiles[2 * Room::kRows];  // z_bar, then rows; in the end the sums of all threads
    __shared__ T halo[Room::kHalo];
    __shared__ T filters[Room::kChunk * Room::kMostTaps];
    __shared__ typename Cotangent::Channel z_numbers[64];
    __shared__ Row table[64];
    const int number = static_cast<int>(block), l_tile = number % plan.l_tiles;
    const int m_tile = number / plan.l_tiles % plan.m_tiles, rest = number / plan.l_tiles / plan.m_tiles;
    const int group = rest % plan.groups, d = rest / plan.groups % s.D, part = rest / plan.groups / s.D;
    const int first_m = m_tile * plan.m, first_l = l_tile * plan.l;
    T* const z_rows = tiles;
    T* const x_rows = tiles + Room::kRows;

    const int thread = static_cast<int>(threadIdx.x);
    if (thread < plan.m && first_m + thread < plan.M)
      z_numbers[thread] = z_bar.channel(d, group * plan.M + first_m + thread);
    if (thread < plan.l && first_l + thread < plan.L)
      table[thread] = row_of(d, group, first_l + thread);
    __syncthreads();

    const int columns = plan.l / 4, owners = plan.m / 4 * columns, shares = kThreads / owners;
    const int owner = thread % owners, share = thread / owners;
    T sums[4][4] = {};
    const int end = (part + 1) * plan.tiles < plan.grid.count() ? (part + 1) * plan.tiles : plan.grid.count();
    for (int tile = part * plan.tiles; tile < end; ++tile) {
      const TilePlace place(plan.grid, tile);
      load_z(d, group, first_m, place, z_numbers, z_rows);
      if (plan.is_depthwise)
        make_depthwise(d, place, first_l, table, halo, filters, x_rows);
      else
        make_taps(d, place, first_l, table, x_rows);
      __syncthreads();
      if (share < shares)
        multiply(owner / columns, owner % columns, share, shares, z_rows, x_rows, sums);
      __syncthreads();
    }
    put(part, d, group, first_m, first_l, share < shares ? share : shares, shares, owner, owners, sums, tiles);
  }

 private:
  /// Where a row comes from.
  struct Row {
    int channel, r, t;
    typename Source::Channel numbers;
  };

  __device__ int pitch() const { return plan.pixels + Room::kPad; }

  __device__ Row row_of(int d, int group, int i) const {
    Row row{};
    const int taps = plan.is_depthwise ? 1 : s.taps();
    row.channel = group * (plan.L / taps) + i / taps;
    row.r = i % taps / s.S;
    row.t = i % taps % s.S;
    row.numbers = x.channel(d, row.channel);
    return row;
  }

  /// The cotangents of the block's channels, zero outside the map.
  __device__ void load_z(int d, int group, int first_m, const TilePlace& tile,
                         const typename Cotangent::Channel* numbers, T* rows) const {
    const int i = static_cast<int>(threadIdx.x) % plan.pixels;
    const TilePixel pixel(plan.grid, i);
    const bool is_there = is_inside(tile, pixel, s.N, s.P, s.Q, plan.grid);
    const SampleAt at(s.N, d, tile.n + pixel.n);
    const std::int64_t p = static_cast<std::int64_t>(tile.h + pixel.row) * s.Q + tile.w + pixel.column;
    for (int m = static_cast<int>(threadIdx.x) / plan.pixels; m < plan.m; m += kThreads / plan.pixels)
      rows[m * pitch() + i] =
          is_there && first_m + m < plan.M ? z_bar.value(numbers[m], at, group * plan.M + first_m + m, p) : T(0);
  }

  __device__ void make_taps(int d, const TilePlace& tile, int first_l, const Row* table, T* rows) const {
    const TapReader reader{s.stride, s.pad, s.dilation, s.H, s.W, false};
    const int i = static_cast<int>(threadIdx.x) % plan.pixels;
    const TilePixel pixel(plan.grid, i);
    const bool is_there = is_inside(tile, pixel, s.N, s.P, s.Q, plan.grid);
    const SampleAt at(s.N, d, tile.n + pixel.n);
    for (int l = static_cast<int>(threadIdx.x) / plan.pixels; l < plan.l; l += kThreads / plan.pixels) {
      int p = -1;
      if (is_there && first_l + l < plan.L)
        p = reader(tile.h + pixel.row, tile.w + pixel.column, table[l].r, table[l].t);
      rows[l * pitch() + i] = p < 0 ? T(0) : x.value(table[l].numbers, at, table[l].channel, p);
    }
  }

  __device__ void make_depthwise(int d, const TilePlace& tile, int first_l, const Row* table, T* halo, T* filters,
                                 T* rows) const {
    // What no channel or pixel fills is multiplied by zeros, and must be a number.
    const bool is_full = first_l + plan.l <= plan.L && plan.grid.pixels() == plan.pixels;
    for (int i = static_cast<int>(threadIdx.x); !is_full && i < plan.l * plan.pixels; i += kThreads) {
      const int l = i / plan.pixels, pixel = i % plan.pixels;
      if (first_l + l >= plan.L || pixel >= plan.grid.pixels())
        rows[l * pitch() + pixel] = T(0);
    }
    for (int l = 0; l < plan.l && first_l + l < plan.L; l += plan.chunk) {
      const int left = plan.L - first_l - l < plan.l - l ? plan.L - first_l - l : plan.l - l;
      const int count = left < plan.chunk ? left : plan.chunk;
      for (int i = static_cast<int>(threadIdx.x); i < count * s.taps(); i += kThreads)
        filters[i] = depthwise[(first_l + l) * s.taps() + i];
      load_halo<kThreads>(
          s, x, [&](int c) -> const auto& { return table[l + c].numbers; }, d, plan.grid, tile, plan.halo, first_l + l,
          count, halo);
      __syncthreads();
      convolve_halo<kThreads>(s, plan.grid, plan.halo, count, halo, filters, rows + l * pitch(), pitch());
      __syncthreads();
    }
  }

  /// Channels row + i m/4 and rows column + i l/4, so that neighbours read neighbouring rows; every shares-th four
  /// pixels.
  __device__ void multiply(int row, int column, int share, int shares, const T* z_rows, const T* x_rows,
                           T (&sums)[4][4]) const {
    for (int four = share; four < plan.pixels / 4; four += shares) {
      Four<T> a[4], b[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        a[i] = four_at(z_rows + (row + i * (plan.m / 4)) * pitch() + 4 * four);
        b[i] = four_at(x_rows + (column + i * (plan.l / 4)) * pitch() + 4 * four);
      }
#pragma unroll
      for (int i = 0; i < 4; ++i) {
#pragma unroll
        for (int j = 0; j < 4; ++j) {
#pragma unroll
          for (int k = 0; k < 4; ++k)
            sums[i][j] = multiply_add(a[i].v[k], b[j].v[k], sums[i][j]);
        }
      }
    }
  }

  /// Adds up the shares of each sum, in order, and stores it. Those with share == shares have none.
  __device__ void put(int part, int d, int group, int first_m, int first_l, int share, int shares, int owner,
                      int owners, const T (&sums)[4][4], T* room) const {
    if (share < shares) {
      for (int i = 0; i < 16; ++i)
        room[(share * 16 + i) * owners + owner] = sums[i / 4][i % 4];
    }
    __syncthreads();
    const int columns = plan.l / 4;
    T* const to = parts + (static_cast<std::int64_t>(part) * s.D + d) * plan.groups * plan.M * plan.L +
                  static_cast<std::int64_t>(group) * plan.M * plan.L;
    for (int i = static_cast<int>(threadIdx.x); i < 16 * owners; i += kThreads) {
      const int of = i % owners, k = i / owners;
      const int m = first_m + of / columns + k / 4 * (plan.m / 4);
      const int l = first_l + of % columns + k % 4 * (plan.l / 4);
      T sum = T(0);
      for (int one = 0; one < shares; ++one)
        sum += room[(one * 16 + k) * owners + of];
      if (m < plan.M && l < plan.L)
        to[static_cast<std::int64_t>(m) * plan.L + l] = sum;
    }
  }
};

/// How to cut the gradient of a convolution's weights, or where is_depthwise that of the M x C weights of the 1x1
/// behind a depthwise convolution; is_by_sample: a part is a sample. False: its tiles do not fit.
template <class T>
bool plan_weight_product(const ConvSize& s, bool is_depthwise, int M, bool is_by_sample, WeightPlan& plan);

}  // namespace ockham::cuda
