// Convolutions by Winograd's transforms (conv2d_winograd.h): 36 multiplications a tile of m x m outputs and a pair of
// channels, where the direct sum takes m m r r: 4 times fewer for 3x3 taps (m = 4), 2.8 times for 5x5 (m = 2). A
// dilation d takes a plane apart into d x d plain ones. Each pass is three: transforms, 36 matrix products over
// channels (of the gradient of w: over tiles), transforms.
//
// Arrays: V [36][tiles][C] of x, U [36][C][K] of the filters, M [36][tiles][K] of y or y_bar; channels padded to
// kWinogradLanes. All but U and the sums of gradients are of a block of samples.
#include "ops/conv2d/conv2d_winograd.h"

#include "engine/gemm.h"
#include "engine/parallel.h"
#include "ops/conv2d/conv2d_kernels.h"
#include "ops/conv2d/conv2d_planes.h"

namespace ockham::cpu {
namespace {

std::int64_t padded(std::int64_t channels) {
  return (channels + kWinogradLanes - 1) / kWinogradLanes * kWinogradLanes;
}

/// Outputs of a tile along an axis.
std::int64_t side_of(const Conv2dSize& s) {
  return kWinogradPoints + 1 - s.R;
}

/// Tiles along an axis of `outputs`.
std::int64_t tiles_along(const Conv2dSize& s, std::int64_t outputs) {
  std::int64_t count = 0;
  for (std::int64_t a = 0; a < std::min(s.dilation, outputs); ++a)
    count += ((outputs - a + s.dilation - 1) / s.dilation + side_of(s) - 1) / side_of(s);
  return count;
}

std::int64_t tiles_of(const Conv2dSize& s) {
  return tiles_along(s, s.P) * tiles_along(s, s.Q);
}

/// The tiles of a sample: which pixels of x and of y are theirs, as offsets in planes of kWinogradLanes channels.
/// Pixels outside are the one behind the last.
struct Tiling {
  Tiling(const Conv2dSize& s, ScratchScope& scratch)
      : side(side_of(s)),
        count(tiles_of(s)),
        inputs(side_table(s, scratch, true)),
        outputs(side_table(s, scratch, false)) {}

  WinogradPlaces input_places() const { return {inputs, kWinogradElements, 0}; }
  WinogradPlaces output_places() const { return {outputs, side * side, 0}; }

  std::int64_t side, count;
  const std::int32_t* inputs;   ///< [count][6][6]
  const std::int32_t* outputs;  ///< [count][side][side]

 private:
  const std::int32_t* side_table(const Conv2dSize& s, ScratchScope& scratch, bool is_of_inputs) const {
    const std::int64_t length = is_of_inputs ? kWinogradPoints : side;
    const std::int64_t height = is_of_inputs ? s.H : s.P, width = is_of_inputs ? s.W : s.Q;
    const std::int64_t start = is_of_inputs ? -s.pad : 0;
    auto* const table = scratch.take<std::int32_t>(count * length * length);
    auto* to = table;
    for (std::int64_t p : origins(s, s.P, scratch)) {
      for (std::int64_t q : origins(s, s.Q, scratch)) {
        for (std::int64_t i = 0; i < length * length; ++i) {
          const std::int64_t row = start + p + i / length * s.dilation, column = start + q + i % length * s.dilation;
          const bool is_inside = row >= 0 && row < height && column >= 0 && column < width;
          *to++ = static_cast<std::int32_t>((is_inside ? row * width + column : height * width) * kWinogradLanes);
        }
      }
    }
    return table;
  }
  /// The first output of each tile along an axis.
  std::span<const std::int64_t> origins(const Conv2dSize& s, std::int64_t outputs_along, ScratchScope& scratch) const {
    auto* const first = scratch.take<std::int64_t>(tiles_along(s, outputs_along));
    auto* to = first;
    for (std::int64_t a = 0; a < s.dilation; ++a) {
      for (std::int64_t p = a; p < outputs_along; p += s.dilation * side)
        *to++ = p;
    }
    return {first, to};
  }
};

/// 0, step, 2 step, ...
std::int32_t* multiples(std::int64_t count, std::int64_t step, ScratchScope& scratch) {
  auto* const result = scratch.take<std::int32_t>(count);
  for (std::int64_t i = 0; i < count; ++i)
    result[i] = static_cast<std::int32_t>(i * step);
  return result;
}

/// [36][rows][padded(channels)]; a line more between the 36 keeps their addresses from falling on each other in a
/// cache.
struct Transformed {
  Transformed(std::int64_t rows_of, std::int64_t channels)
      : rows(rows_of), row(padded(channels)), step(rows_of * row + kWinogradLanes) {}
  std::int64_t numel() const { return kWinogradElements * step; }
  /// Of tiles that lie `apart`.
  WinogradPlaces places(std::int64_t apart, ScratchScope& scratch) const {
    return {multiples(kWinogradElements, step, scratch), 0, apart};
  }
  /// Where each row of `data` begins, [36][rows].
  template <class T>
  const T* const* row_starts(const T* data, ScratchScope& scratch) const {
    auto* const starts = scratch.take<const T*>(kWinogradElements * rows);
    for (std::int64_t i = 0; i < kWinogradElements * rows; ++i)
      starts[i] = data + i / rows * step + i % rows * row;
    return starts;
  }
  std::int64_t rows, row, step;
};

/// Samples of a block: what is transformed stays in the second-level cache, but enough tiles share each read of the
/// filters.
std::int64_t block_of(const Conv2dSize& s) {
  constexpr std::int64_t kElements = std::int64_t{1} << 19, kTiles = 64;
  const std::int64_t tiles = tiles_of(s);
  const std::int64_t fit = kElements / (kWinogradElements * tiles * (padded(s.C) + padded(s.K)));
  return std::clamp<std::int64_t>(std::max(fit, (kTiles + tiles - 1) / tiles), 1, s.N);
}

/// Calls task(n, c, count, scratch) for channels [c, c + count) of each sample, over threads.
template <class Task>
void over_planes(std::int64_t samples, std::int64_t channels, Task&& task) {
  const std::int64_t blocks = padded(channels) / kWinogradLanes;
  parallel_for(samples * blocks, 1, [&](std::int64_t i, std::int64_t) {
    ScratchScope scratch;
    const std::int64_t c = i % blocks * kWinogradLanes;
    task(i / blocks, c, std::min(kWinogradLanes, channels - c), scratch);
  });
}

/// to = the transformed tiles of samples [samples, channels, pixels], whose pixels `places` names.
template <class T>
void transform(WinogradMap map, const Tiling& tiling, const WinogradPlaces& places, std::int64_t samples,
               std::int64_t channels, std::int64_t pixels, const T* from, const Transformed& layout, T* to) {
  ScratchScope shared;
  const WinogradPlaces to_places = layout.places(layout.row, shared);
  over_planes(samples, channels, [&](std::int64_t n, std::int64_t c, std::int64_t count, ScratchScope& scratch) {
    T* const planes = scratch.take<T>((pixels + 1) * kWinogradLanes);
    if (count < kWinogradLanes)
      std::fill_n(planes, pixels * kWinogradLanes, T(0));
    std::fill_n(planes + pixels * kWinogradLanes, kWinogradLanes, T(0));
    transpose(count, pixels, from + (n * channels + c) * pixels, pixels, planes, kWinogradLanes);
    winograd_map(map, static_cast<int>(tiling.side), tiling.count, planes, places,
                 to + n * tiling.count * layout.row + c, to_places);
  });
}

/// y [samples, channels, pixels] = beta y + the tiles of `from`.
template <class T>
void transform_back(const Tiling& tiling, std::int64_t samples, std::int64_t channels, std::int64_t pixels,
                    const Transformed& layout, const T* from, T beta, T* y) {
  ScratchScope shared;
  const WinogradPlaces from_places = layout.places(layout.row, shared);
  over_planes(samples, channels, [&](std::int64_t n, std::int64_t k, std::int64_t count, ScratchScope& scratch) {
    T* const planes = scratch.take<T>((pixels + 1) * kWinogradLanes);
    winograd_map(WinogradMap::kOutputs, static_cast<int>(tiling.side), tiling.count,
                 from + n * tiling.count * layout.row + k, from_places, planes, tiling.output_places());
    T* const to = y + (n * channels + k) * pixels;
    if (beta == T(0))
      return transpose(pixels, count, planes, kWinogradLanes, to, pixels);
    T* const sums = scratch.take<T>(count * pixels);
    transpose(pixels, count, planes, kWinogradLanes, sums, pixels);
    for (std::int64_t i = 0; i < count * pixels; ++i)
      to[i] += sums[i];
  });
}

/// U [36][inputs][padded(outputs)] = the filters that `filters` holds as [inputs][r r][padded(outputs)], in the order
/// of taps or, for the adjoint, against it.
template <class T>
void transform_filters(const Conv2dSize& s, bool is_adjoint, std::int64_t inputs, const T* filters,
                       const Transformed& layout, T* u) {
  ScratchScope shared;
  const WinogradPlaces to_places = layout.places(kWinogradLanes, shared);
  std::int32_t* const taps = multiples(s.taps(), layout.row, shared);
  if (is_adjoint)
    std::reverse(taps, taps + s.taps());
  parallel_for(inputs, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c)
      winograd_map(WinogradMap::kFilters, static_cast<int>(s.R), layout.row / kWinogradLanes,
                   filters + c * s.taps() * layout.row, {taps, 0, kWinogradLanes}, u + c * layout.row, to_places);
  });
}

/// y = beta y + conv(x, the transformed filters u)
template <class T>
void convolve(const Conv2dSize& s, const T* x, const Transformed& filters, const T* u, T beta, T* y) {
  constexpr std::int64_t kRows = 96;  // of a product
  const std::int64_t block = block_of(s);
  ScratchScope scratch;
  const Tiling tiling(s, scratch);
  const Transformed inputs(block * tiling.count, s.C), outputs(block * tiling.count, s.K);
  T* const v = scratch.take<T>(inputs.numel());
  T* const m = scratch.take<T>(outputs.numel());
  const T* const* const u_rows = filters.row_starts(u, scratch);
  for (std::int64_t n = 0; n < s.N; n += block) {
    const std::int64_t samples = std::min(block, s.N - n), rows = samples * tiling.count;
    transform(WinogradMap::kInputs, tiling, tiling.input_places(), samples, s.C, s.H * s.W, x + n * s.x_sample(),
              inputs, v);
    const std::int64_t pieces = (rows + kRows - 1) / kRows;
    parallel_for(kWinogradElements * pieces, 1, [&](std::int64_t i, std::int64_t) {
      const std::int64_t f = i / pieces, row = i % pieces * kRows;
      gemm_rows(std::min(kRows, rows - row), s.K, s.C, v + f * inputs.step + row * inputs.row, inputs.row, 1,
                u_rows + f * s.C, T(0), m + f * outputs.step + row * outputs.row, outputs.row);
    });
    transform_back(tiling, samples, s.K, s.P * s.Q, outputs, m, beta, y + n * s.y_sample());
  }
}

template <class T>
void forward(const Conv2dSize& s, const T* x, const T* w, T beta, T* y) {
  ScratchScope scratch;
  const Transformed layout(s.C, s.K);
  T* const filters = scratch.take_zeros<T>(s.C * s.taps() * layout.row);
  transpose(s.K, s.C * s.taps(), w, s.C * s.taps(), filters, layout.row);
  T* const u = scratch.take<T>(layout.numel());
  transform_filters(s, false, s.C, filters, layout, u);
  convolve(s, x, layout, u, beta, y);
}

/// The size of the convolution that the adjoint is, by the filters turned round.
Conv2dSize adjoint_of(const Conv2dSize& s) {
  Conv2dSize result = s;
  std::swap(result.C, result.K);
  std::swap(result.H, result.P);
  std::swap(result.W, result.Q);
  result.pad = s.dilation * (s.R - 1) - s.pad;
  return result;
}

template <class T>
void input_gradient(const Conv2dSize& s, const T* y_bar, const T* w, T beta, T* x_bar) {
  ScratchScope scratch;
  const Transformed layout(s.K, s.C);
  T* const filters = scratch.take_zeros<T>(s.K * s.taps() * layout.row);
  for (std::int64_t k = 0; k < s.K; ++k)
    transpose(s.C, s.taps(), w + k * s.C * s.taps(), s.taps(), filters + k * s.taps() * layout.row, layout.row);
  T* const u = scratch.take<T>(layout.numel());
  transform_filters(s, true, s.K, filters, layout, u);
  convolve(adjoint_of(s), y_bar, layout, u, beta, x_bar);
}

/// The gradient of w is a correlation, too: r x r outputs, m x m taps of y_bar, summed over tiles.
template <class T>
void weight_gradient(const Conv2dSize& s, const T* x, const T* y_bar, T beta, T* w_bar) {
  constexpr std::int64_t kFilters = 24;  // of a product
  const std::int64_t block = block_of(s);
  ScratchScope scratch;
  const Tiling tiling(s, scratch);
  const Transformed inputs(block * tiling.count, s.C), outputs(block * tiling.count, s.K), sums(s.K, s.C);
  T* const v = scratch.take<T>(inputs.numel());
  T* const g = scratch.take<T>(outputs.numel());
  T* const total = scratch.take<T>(sums.numel());
  const T* const* const v_rows = inputs.row_starts<T>(v, scratch);
  const std::int64_t pieces = (s.K + kFilters - 1) / kFilters;
  for (std::int64_t n = 0; n < s.N; n += block) {
    const std::int64_t samples = std::min(block, s.N - n);
    transform(WinogradMap::kInputs, tiling, tiling.input_places(), samples, s.C, s.H * s.W, x + n * s.x_sample(),
              inputs, v);
    transform(WinogradMap::kFilters, tiling, tiling.output_places(), samples, s.K, s.P * s.Q, y_bar + n * s.y_sample(),
              outputs, g);
    parallel_for(kWinogradElements * pieces, 1, [&](std::int64_t i, std::int64_t) {
      const std::int64_t f = i / pieces, k = i % pieces * kFilters;
      gemm_rows(std::min(kFilters, s.K - k), s.C, samples * tiling.count, g + f * outputs.step + k, 1, outputs.row,
                v_rows + f * inputs.rows, T(n > 0), total + f * sums.step + k * sums.row, sums.row);
    });
  }
  const WinogradPlaces from_places = sums.places(kWinogradLanes, scratch);
  const WinogradPlaces tap_places{multiples(s.taps(), sums.row, scratch), 0, kWinogradLanes};
  parallel_for(s.K, 1, [&](std::int64_t k, std::int64_t) {
    ScratchScope own;
    T* const taps = own.take<T>(s.taps() * sums.row);
    winograd_map(WinogradMap::kOutputs, static_cast<int>(s.R), sums.row / kWinogradLanes, total + k * sums.row,
                 from_places, taps, tap_places);
    T* const to = w_bar + k * s.C * s.taps();
    for (std::int64_t i = 0; i < s.C * s.taps(); ++i)
      to[i] = (beta == T(0) ? T(0) : to[i]) + taps[i % s.taps() * sums.row + i / s.taps()];
  });
}

/// Measured: with fewer channels or tiles the transforms cost more than they save.
bool fits(const Conv2dSize& s) {
  constexpr std::int64_t kChannels = 16, kTiles = 32;
  return !precise_convolutions() && takes_winograd(s) && std::min(s.C, s.K) >= kChannels &&
         s.N * tiles_of(s) >= kTiles && s.N * tiles_of(adjoint_of(s)) >= kTiles &&
         s.taps() * s.P * s.Q >= 2 * kWinogradElements * tiles_of(s);
}

}  // namespace

bool takes_winograd(const Conv2dSize& s) {
  // Offsets are 32 bits wide.
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const std::int64_t channels = padded(std::max(s.C, s.K));
  return s.stride == 1 && s.groups == 1 && s.R == s.S && (s.R == 3 || s.R == 5) && s.pad <= s.dilation * (s.R - 1) &&
         std::max({s.H * s.W, s.P * s.Q, kWinogradElements * channels, kWinogradElements * tiles_of(s)}) <
             kMost / channels;
}

template <class T>
Conv2dKernel<T> winograd_kernel() {
  Conv2dKernel<T> kernel = dense_kernel<T>();
  kernel.name = "winograd";
  kernel.takes = "3x3 and 5x5 taps, stride 1, one group, 16 channels, 32 tiles";
  kernel.fits = fits;
  kernel.forward = forward<T>;
  kernel.input_gradient = input_gradient<T>;
  kernel.weight_gradient = weight_gradient<T>;
  kernel.is_for_batches = true;
  return kernel;
}
template Conv2dKernel<float> winograd_kernel();
template Conv2dKernel<double> winograd_kernel();

}  // namespace ockham::cpu
