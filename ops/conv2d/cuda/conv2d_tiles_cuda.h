#pragma once
// What the fast convolution kernels share: how a plane is cut into tiles, planes with their halo in shared memory, and
// a depthwise convolution of them. For .cu files.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "ops/conv2d/cuda/conv2d_maps_cuda.h"

namespace ockham::cuda {

/// Four elements that are read or written at once.
template <class T>
struct alignas(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16) Four {
  T v[4];
};
template <class T>
__device__ __forceinline__ Four<T> four_at(const T* p) {
  return *reinterpret_cast<const Four<T>*>(p);
}

/// Elements p[0 .. count), count at most 4, at once where all four are there and aligned.
template <class T, class S>
__device__ __forceinline__ void load_four(const S* p, int count, T (&values)[4]) {
  if (count == 4 && reinterpret_cast<std::uintptr_t>(p) % alignof(Four<S>) == 0) {
    const Four<S> four = four_at(p);
#pragma unroll
    for (int i = 0; i < 4; ++i)
      values[i] = T(load(four.v, i));
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i)
    values[i] = i < count ? T(load(p, i)) : T(0);
}
template <class T, class S>
__device__ __forceinline__ void store_four(S* p, int count, const T (&values)[4]) {
  if (count == 4 && reinterpret_cast<std::uintptr_t>(p) % alignof(Four<S>) == 0) {
    Four<S> four;
#pragma unroll
    for (int i = 0; i < 4; ++i)
      store(four.v, i, values[i]);
    *reinterpret_cast<Four<S>*>(p) = four;
    return;
  }
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    if (i < count)
      store(p, i, values[i]);
  }
}

/// Output planes cut into tiles of n samples, h rows and w columns, the last ones partly outside; h and w are multiples
/// of 4. A tile's pixel is (n h + row) w + column.
struct TileGrid {
  int n, h, w;
  int tiles_n, tiles_h, tiles_w;

  __host__ __device__ int count() const { return tiles_n * tiles_h * tiles_w; }
  __host__ __device__ int pixels() const { return n * h * w; }
};

constexpr int tiles_over(int length, int piece) {
  return (length + piece - 1) / piece;
}
constexpr int multiple_of_4(int length) {
  return (length + 3) / 4 * 4;
}

/// Tiles of at most `pixels` (a power of two, at least 16) for N planes of rows x columns, all about as large.
inline TileGrid tile_grid(int N, int rows, int columns, int pixels, bool joins_samples) {
  TileGrid grid{};
  grid.tiles_w = tiles_over(columns, std::min(32, pixels / 4));
  grid.w = multiple_of_4(tiles_over(columns, grid.tiles_w));
  grid.tiles_h = tiles_over(rows, pixels / grid.w / 4 * 4);
  grid.h = multiple_of_4(tiles_over(rows, grid.tiles_h));
  grid.n = joins_samples ? std::clamp(pixels / (grid.h * grid.w), 1, std::max(1, N)) : 1;
  grid.tiles_n = tiles_over(N, grid.n);
  return grid;
}

/// Where a tile lies.
struct TilePlace {
  int n, h, w;  ///< first sample (within its direction), row and column
  __device__ TilePlace(const TileGrid& grid, int tile)
      : n(tile / (grid.tiles_w * grid.tiles_h) * grid.n),
        h(tile / grid.tiles_w % grid.tiles_h * grid.h),
        w(tile % grid.tiles_w * grid.w) {}
};

/// A pixel of a tile.
struct TilePixel {
  int n, row, column;  ///< within the tile
  __device__ TilePixel(const TileGrid& grid, int pixel)
      : n(pixel / (grid.w * grid.h)), row(pixel / grid.w % grid.h), column(pixel % grid.w) {}
};

/// Whether a tile's pixel lies in a map of N planes of rows x columns.
__device__ __forceinline__ bool is_inside(const TilePlace& place, const TilePixel& pixel, int N, int rows, int columns,
                                          const TileGrid& grid) {
  return pixel.n < grid.n && place.n + pixel.n < N && place.h + pixel.row < rows && place.w + pixel.column < columns;
}

/// Where tap (r, t) of a convolution reads for an output: at row p stride + r dilation - pad; or, transposed, where an
/// input is read by it: row (h + pad - r dilation) / stride if that is whole. Negative: nowhere.
struct TapReader {
  int stride, pad, dilation, rows, columns;  ///< of the map that is read
  bool transposed;

  __device__ int along(int at, int tap, int length) const {
    if (!transposed) {
      const int from = at * stride + tap * dilation - pad;
      return from < length ? from : -1;
    }
    const int from = at + pad - tap * dilation;
    return from >= 0 && from % stride == 0 && from / stride < length ? from / stride : -1;
  }
  /// The element of the plane; negative: nowhere.
  __device__ int operator()(int row, int column, int r, int t) const {
    const int h = along(row, r, rows), v = along(column, t, columns);
    return h < 0 || v < 0 ? -1 : h * columns + v;
  }
};

/// Elements of shared memory that lie in banks of their own.
template <class T>
inline constexpr int kBankElements = 128 / static_cast<int>(sizeof(T));

/// The least number from `least` on that is `like` up to a multiple of `modulo`.
constexpr int padded_like(int least, int like, int modulo) {
  return least + ((like - least) % modulo + modulo) % modulo;
}

/// What a tile of outputs of a depthwise convolution reads, as it lies in shared memory: for each channel and sample
/// rows x columns, zero outside the plane. Where a warp reads from several rows or planes (convolve_halo), they are
/// padded so that its reads fall into different banks.
struct HaloTile {
  int rows, columns;
  int lanes;  ///< threads that load a row: a power of two, at most 32
  int pitch;  ///< from row to row
  int plane;  ///< from one channel or sample to the next
};
template <class T>
HaloTile halo_tile(const ConvSize& s, const TileGrid& grid) {
  constexpr int kBanks = kBankElements<T>;
  HaloTile tile{.rows = (grid.h - 1) * s.stride + (s.R - 1) * s.dilation + 1,
                .columns = (grid.w - 1) * s.stride + (s.S - 1) * s.dilation + 1,
                .lanes = 4,
                .pitch = 0,
                .plane = 0};
  while (tile.lanes < 32 && tile.lanes < tile.columns)
    tile.lanes *= 2;
  const bool takes_rows = grid.w % kBanks == 0;  // whole ones, to a warp
  tile.pitch = takes_rows ? tile.columns : padded_like(tile.columns, grid.w / 4, kBanks / 4);
  tile.plane = tile.rows * tile.pitch;
  if (!takes_rows)
    tile.plane = padded_like(tile.plane, grid.h / 4 * grid.w * s.stride, kBanks);
  return tile;
}

/// Fills `room` with the planes of channels first .. first + count of the samples of a tile; numbers(i) are those of
/// channel first + i.
template <int kThreads, class Source, class Numbers>
__device__ void load_halo(const ConvSize& s, const Source& x, Numbers&& numbers, int d, const TileGrid& grid,
                          const TilePlace& place, const HaloTile& halo, int first, int count,
                          typename Source::Value* room) {
  using T = typename Source::Value;
  const int lane = static_cast<int>(threadIdx.x) % halo.lanes;
  const int h0 = place.h * s.stride - s.pad, w0 = place.w * s.stride - s.pad;
  for (int line = static_cast<int>(threadIdx.x) / halo.lanes; line < count * grid.n * halo.rows;
       line += kThreads / halo.lanes) {
    const int row = line % halo.rows, n = line / halo.rows % grid.n, c = line / halo.rows / grid.n;
    const bool is_there = h0 + row >= 0 && h0 + row < s.H && place.n + n < s.N && first + c < s.C;
    const SampleAt at(s.N, d, place.n + n);
    const std::int64_t from = static_cast<std::int64_t>(h0 + row) * s.W + w0;
    T* const to = room + line / halo.rows * halo.plane + row * halo.pitch;
    for (int column = lane; column < halo.columns; column += halo.lanes)
      to[column] =
          is_there && w0 + column >= 0 && w0 + column < s.W ? x.value(numbers(c), at, first + c, from + column) : T(0);
  }
}

/// sums[i] = sum over taps of w times what output i of four reads, one below the other: r is where the first begins.
template <int kSide, int kStride, int kDilation, class T>
__device__ __forceinline__ void correlate_four(const T* r, int pitch, const T* w, T (&sums)[4]) {
  constexpr int kWindow = 3 * kStride + (kSide - 1) * kDilation + 1;
#pragma unroll
  for (int column = 0; column < kSide; ++column) {
    T window[kWindow];
#pragma unroll
    for (int i = 0; i < kWindow; ++i)
      window[i] = r[i * pitch + column * kDilation];
#pragma unroll
    for (int row = 0; row < kSide; ++row) {
      const T weight = w[row * kSide + column];
#pragma unroll
      for (int i = 0; i < 4; ++i)
        sums[i] = multiply_add(weight, window[i * kStride + row * kDilation], sums[i]);
    }
  }
}

/// The same for any convolution; those that cells are made of have code of their own.
template <class T>
__device__ __forceinline__ void correlate_four(const ConvSize& s, const T* r, int pitch, const T* w, T (&sums)[4]) {
  if (s.R == s.S && s.dilation <= 2 && s.stride <= 2) {
    switch (s.R * 100 + s.stride * 10 + s.dilation) {
      case 311:
        return correlate_four<3, 1, 1>(r, pitch, w, sums);
      case 312:
        return correlate_four<3, 1, 2>(r, pitch, w, sums);
      case 321:
        return correlate_four<3, 2, 1>(r, pitch, w, sums);
      case 322:
        return correlate_four<3, 2, 2>(r, pitch, w, sums);
      case 511:
        return correlate_four<5, 1, 1>(r, pitch, w, sums);
      case 512:
        return correlate_four<5, 1, 2>(r, pitch, w, sums);
      case 521:
        return correlate_four<5, 2, 1>(r, pitch, w, sums);
      case 522:
        return correlate_four<5, 2, 2>(r, pitch, w, sums);
      case 711:
        return correlate_four<7, 1, 1>(r, pitch, w, sums);
      default:
        break;
    }
  }
  for (int row = 0; row < s.R; ++row) {
    for (int column = 0; column < s.S; ++column) {
      const T weight = w[row * s.S + column];
      for (int i = 0; i < 4; ++i)
        sums[i] = multiply_add(weight, r[(i * s.stride + row * s.dilation) * pitch + column * s.dilation], sums[i]);
    }
  }
}

/// q [count, pitch] = the depthwise convolution of `count` channels that load_halo() left in `room`; w [count, taps].
template <int kThreads, class T>
__device__ void convolve_halo(const ConvSize& s, const TileGrid& grid, const HaloTile& halo, int count, const T* room,
                              const T* w, T* q, int pitch) {
  const int fours = grid.n * (grid.h / 4) * grid.w;
  for (int i = static_cast<int>(threadIdx.x); i < count * fours; i += kThreads) {
    const int c = i / fours, four = i % fours;
    const int column = four % grid.w, row = four / grid.w % (grid.h / 4) * 4, n = four / grid.w / (grid.h / 4);
    T sums[4] = {};
    correlate_four(s, room + (c * grid.n + n) * halo.plane + row * s.stride * halo.pitch + column * s.stride,
                   halo.pitch, w + c * s.taps(), sums);
    for (int k = 0; k < 4; ++k)
      q[c * pitch + (n * grid.h + row + k) * grid.w + column] = sums[k];
  }
}

}  // namespace ockham::cuda
