#pragma once
// Depthwise convolutions: one forward kernel, and one that pulls a cotangent through the convolution and the load
// before it. The latter reads each element of q_bar from shared memory once for two products: with the filter for
// r_bar, and with r for the filter's gradient, whose sums stay in registers over a block's samples. For .cu files.
#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>

#include "engine/cuda/block.h"
#include "engine/cuda/launch.h"
#include "ops/conv2d/cuda/conv2d_maps_cuda.h"
#include "ops/conv2d/cuda/conv2d_tiles_cuda.h"

namespace ockham::cuda {

inline bool is_depthwise(const ConvSize& s) {
  return s.group_inputs() == 1 && s.group_outputs() == 1;
}

/// y [D*N, C, P, Q] = the depthwise convolution of x. A block makes a tile of some channels.
template <class Source, class To>
struct DepthwiseForward {
  using T = typename Source::Value;
  static constexpr int kThreads = 256;
  static constexpr int kHalo = 16384 / sizeof(T);
  static constexpr int kOutputs = 2048;
  static constexpr int kMostChannels = 8;
  static constexpr int kMostTaps = 49;
  ConvSize s;
  TileGrid grid;
  HaloTile halo;
  int channels;  ///< of a block
  Source x;
  const T* w;
  To* y;

  /// False: its tiles do not fit.
  bool plan() {
    grid = tile_grid(s.N, s.P, s.Q, 256, true);
    halo = halo_tile<T>(s, grid);
    const std::int64_t planes = static_cast<std::int64_t>(grid.n) * halo.plane;
    if (s.taps() > kMostTaps || planes > kHalo)
      return false;
    channels = std::min({kMostChannels, kHalo / static_cast<int>(planes), kOutputs / grid.pixels(), s.C});
    return true;
  }
  std::int64_t blocks() const { return static_cast<std::int64_t>(s.D) * grid.count() * tiles_over(s.C, channels); }
  void operands(Operands& o) const {
    x.operands(o, s.D);
    o.reads(w, s.w_numel());
    o.writes(y, s.samples() * s.y_sample());
  }
  __device__ void operator()(std::int64_t block) const {
    __shared__ T room[kHalo];
    __shared__ T q[kOutputs];
    __shared__ T filters[kMostChannels * kMostTaps];
    __shared__ typename Source::Channel numbers[kMostChannels];
    const int number = static_cast<int>(block), tile = number % grid.count();
    const int groups = (s.C + channels - 1) / channels;
    const int first = number / grid.count() % groups * channels;
    const int d = number / grid.count() / groups;
    const int count = first + channels < s.C ? channels : s.C - first;
    const int thread = static_cast<int>(threadIdx.x);
    const TilePlace place(grid, tile);
    if (thread < count)
      numbers[thread] = x.channel(d, first + thread);
    for (int i = thread; i < count * s.taps(); i += kThreads)
      filters[i] = w[first * s.taps() + i];
    __syncthreads();
    load_halo<kThreads>(
        s, x, [&](int c) -> const auto& { return numbers[c]; }, d, grid, place, halo, first, count, room);
    __syncthreads();
    convolve_halo<kThreads>(s, grid, halo, count, room, filters, q, grid.pixels());
    __syncthreads();
    for (int i = thread; i < count * grid.pixels(); i += kThreads) {
      const int c = i / grid.pixels();
      const TilePixel pixel(grid, i % grid.pixels());
      if (is_inside(place, pixel, s.N, s.P, s.Q, grid)) {
        const std::int64_t at = static_cast<std::int64_t>(d) * s.N + place.n + pixel.n;
        store(y, ((at * s.C + first + c) * s.P + place.h + pixel.row) * s.Q + place.w + pixel.column, q[i]);
      }
    }
  }
};

/// How the work of a DepthwisePull is cut. A block takes a tile of some channels for some samples.
struct PullPlan {
  int h, w, tiles_h, tiles_w;  ///< tiles of x's plane
  int columns;                 ///< threads beside each other: a power of two, at least w
  int lanes;                   ///< threads of a channel: a power of two, 32 to 256
  int samples;                 ///< of a block
  int q_rows, q_columns;       ///< of q_bar's tile
  int q_pitch;                 ///< of its rows in shared memory
  int q_lanes;                 ///< threads that load a row of it

  __host__ __device__ int tiles() const { return tiles_h * tiles_w; }
  __host__ __device__ int channels() const { return 256 / lanes; }
  __host__ __device__ int parts(int N) const { return (N + samples - 1) / samples * tiles(); }
};

/// False: not for these sizes. is_by_sample: a block has one sample.
template <class T>
bool plan_pull(const ConvSize& s, bool is_by_sample, PullPlan& plan);

/// kLargest: the side of the largest filter that it takes, 5 or 7; odd ones from 3. Two kernels, for the registers of
/// one would be those of the larger.
template <class T, class S, class Cotangent, int kLargest>
struct DepthwisePull {
  static constexpr int kThreads = 256;
  static constexpr std::size_t kBatchBytes = 8192;  // the 32 units that read the first two states of a cell
  static constexpr int kRoom = 16384 / sizeof(T);
  ConvSize s;
  PullPlan plan;
  LoadedMap<T, S> x;
  Cotangent q_bar;
  const T* w;  ///< null: only its gradient is wanted
  T* x_bar;    ///< [D*N, C, H, W]; null: not wanted
  bool adds;
  T* affine_parts;  ///< [parts, D, 2, C]; null: not wanted
  T* w_parts;       ///< [parts, D, C, taps]; null: not wanted

  std::int64_t blocks() const {
    return static_cast<std::int64_t>(s.D) * tiles_over(s.C, plan.channels()) * plan.parts(s.N);
  }
  void operands(Operands& o) const {
    x.operands(o, s.D);
    q_bar.operands(o, s.D);
    o.reads(w, w ? s.w_numel() : 0);
    o.writes(x_bar, s.samples() * s.x_sample());
    o.writes(affine_parts, 2LL * plan.parts(s.N) * s.D * s.C);
    o.writes(w_parts, plan.parts(s.N) * s.D * s.w_numel());
  }

  __device__ void operator()(std::int64_t block) const {
    __shared__ T room[kRoom];
    __shared__ T sums[kThreads / 32][kLargest * kLargest + 2];
    __shared__ typename Cotangent::Channel numbers[kThreads / 32];
    const int number = static_cast<int>(block), parts = plan.parts(s.N), part = number % parts;
    const int groups = (s.C + plan.channels() - 1) / plan.channels();
    const int first = number / parts % groups * plan.channels();
    const int d = number / parts / groups;
    if (static_cast<int>(threadIdx.x) < plan.channels() && first + static_cast<int>(threadIdx.x) < s.C)
      numbers[threadIdx.x] = q_bar.channel(d, first + static_cast<int>(threadIdx.x));
    const Place place{d, part, first};
    if (kLargest == 7)
      pull_by_stride<kLargest>(place, room, numbers, sums);
    else if (s.R == 3)
      pull_by_stride<3>(place, room, numbers, sums);
    else
      pull_by_stride<5>(place, room, numbers, sums);
  }

 private:
  struct Place {
    int d, part, first;  ///< direction, part, the block's first channel
  };
  using Numbers = typename Cotangent::Channel;
  using Sums = T[kThreads / 32][kLargest * kLargest + 2];

  template <int kSide>
  __device__ void pull_by_stride(const Place& place, T* room, const Numbers* numbers, Sums& sums) const {
    if (s.stride == 1)
      pull<kSide, 1>(place, room, numbers, sums);
    else
      pull<kSide, 2>(place, room, numbers, sums);
  }

  template <int kSide, int kStride>
  __device__ void pull(const Place& place, T* room, const Numbers* numbers, Sums& sums) const {
    constexpr int kTaps = kSide * kSide;
    const int tile = place.part % plan.tiles(), thread = static_cast<int>(threadIdx.x);
    const int h0 = tile / plan.tiles_w * plan.h, w0 = tile % plan.tiles_w * plan.w;
    // The first row and column of q_bar's tile, rounded down.
    const int p0 = down(h0 + s.pad - (kSide - 1) * s.dilation, kStride);
    const int q0 = down(w0 + s.pad - (kSide - 1) * s.dilation, kStride);
    const int c = place.first + thread / plan.lanes, lane = thread % plan.lanes;
    const int column = lane % plan.columns, rows = plan.lanes / plan.columns;
    const bool is_column = c < s.C && column < plan.w && w0 + column < s.W;
    const auto load = x.channel(place.d, c < s.C ? c : 0);
    T filter[kTaps], w_bar[kTaps] = {};
#pragma unroll
    for (int t = 0; t < kTaps; ++t)
      filter[t] = w != nullptr && c < s.C ? w[c * kTaps + t] : T(0);
    T s_bar = T(0), b_bar = T(0);
    const int begin = place.part / plan.tiles() * plan.samples;
    for (int n = begin; n < begin + plan.samples && n < s.N; ++n) {
      const SampleAt at(s.N, place.d, n);
      __syncthreads();
      load_q(place, at, p0, q0, numbers, room);
      __syncthreads();
      for (int row = lane / plan.columns; is_column && row < plan.h && h0 + row < s.H; row += rows) {
        const std::int64_t p = static_cast<std::int64_t>(h0 + row) * s.W + w0 + column;
        const T stored = x.stored(at, c, p);
        const T r = x.loaded(load, stored);
        const T* const q = room + thread / plan.lanes * plan.q_rows * plan.q_pitch;
        const T r_bar = correlate<kSide, kStride>(q, h0 + row + s.pad - p0 * kStride,
                                                  w0 + column + s.pad - q0 * kStride, filter, r, w_bar);
        const T bar = x.masked(load, stored, r_bar);
        s_bar += bar * stored;
        b_bar += bar;
        if (x_bar) {
          T* const to = x_bar + (at.of_all * s.C + c) * s.x_plane() + p;
          *to = (adds ? *to : T(0)) + load.s * bar;
        }
      }
    }
    put<kTaps>(place, w_bar, s_bar, b_bar, sums);
  }

  static __device__ int down(int a, int b) {
    return a >= 0 ? a / b : -((b - 1 - a) / b);
  }

  /// The tile of q_bar of the block's channels, zero outside the plane.
  __device__ void load_q(const Place& place, const SampleAt& at, int p0, int q0, const Numbers* numbers,
                         T* room) const {
    const int lane = static_cast<int>(threadIdx.x) % plan.q_lanes;
    for (int line = static_cast<int>(threadIdx.x) / plan.q_lanes; line < plan.channels() * plan.q_rows;
         line += kThreads / plan.q_lanes) {
      const int p = p0 + line % plan.q_rows, i = line / plan.q_rows, c = place.first + i;
      const bool is_there = c < s.C && p >= 0 && p < s.P;
      for (int column = lane; column < plan.q_columns; column += plan.q_lanes) {
        const int q = q0 + column;
        room[line * plan.q_pitch + column] =
            is_there && q >= 0 && q < s.Q ? q_bar.value(numbers[i], at, c, static_cast<std::int64_t>(p) * s.Q + q)
                                          : T(0);
      }
    }
  }

  /// The adjoint at one element of x, whose taps lie at (row - r dilation, column - t dilation) / stride of q where
  /// that is whole; and its share of the filter's gradient, r times the same elements.
  template <int kSide, int kStride>
  __device__ __forceinline__ T correlate(const T* q, int row, int column, const T (&filter)[kSide * kSide], T r,
                                         T (&w_bar)[kSide * kSide]) const {
    T sum = T(0);
#pragma unroll
    for (int i = 0; i < kSide; ++i) {
      const int p = row - i * s.dilation;
#pragma unroll
      for (int j = 0; j < kSide; ++j) {
        const int v = column - j * s.dilation;
        if (kStride == 2 && ((p | v) & 1) != 0)
          continue;
        const T bar = q[p / kStride * plan.q_pitch + v / kStride];
        sum = multiply_add(filter[i * kSide + j], bar, sum);
        w_bar[i * kSide + j] = multiply_add(r, bar, w_bar[i * kSide + j]);
      }
    }
    return sum;
  }

  /// Adds up over the threads of each channel, warp by warp.
  template <int kTaps>
  __device__ void put(const Place& place, const T (&w_bar)[kTaps], T s_bar, T b_bar, Sums& sums) const {
    const int thread = static_cast<int>(threadIdx.x), warp = thread / 32;
#pragma unroll
    for (int t = 0; t < kTaps + 2; ++t) {
      const T sum = warp_sum(t < kTaps ? w_bar[t < kTaps ? t : 0] : t == kTaps ? s_bar : b_bar);
      if (thread % 32 == 0)
        sums[warp][t] = sum;
    }
    __syncthreads();
    const int warps = plan.lanes / 32;
    for (int i = thread; i < plan.channels() * (kTaps + 2); i += kThreads) {
      const int of = i / (kTaps + 2), t = i % (kTaps + 2), c = place.first + of;
      T sum = T(0);
      for (int k = 0; k < warps; ++k)
        sum += sums[of * warps + k][t];
      const std::int64_t row = static_cast<std::int64_t>(place.part) * s.D + place.d;
      if (c < s.C && t < kTaps && w_parts)
        w_parts[(row * s.C + c) * kTaps + t] = sum;
      if (c < s.C && t >= kTaps && affine_parts)
        affine_parts[(row * 2 + t - kTaps) * s.C + c] = sum;
    }
  }
};

}  // namespace ockham::cuda
