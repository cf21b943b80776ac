// Convolutions by Winograd's transforms (conv2d_winograd.h): a tile of m x m outputs and a pair of channels take as
// many multiplications as a transformed tile has elements, where the direct sum takes m m r r: 4 times fewer for 3x3
// taps (m = 4, 36 elements), 6.2 times for 5x5 (m = 4, 64 elements), or 2.8 times (m = 2, 36 elements). A dilation d
// takes a plane apart into d x d plain ones. Each pass is three: transforms, a matrix product an element over channels
// (of the gradient of w: over tiles), transforms.
//
// Arrays: V [elements][tiles][C] of x, U [elements][C][K] of the filters, M [elements][tiles][K] of y or y_bar;
// channels padded to kWinogradLanes. All but U and the sums of gradients are of a block of samples.
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

/// A correlation along an axis: output a + k out_step takes inputs start(a) + (k + r) in_step, of taps r.
struct Axis {
  std::int64_t in, out;            ///< pixels
  std::int64_t in_step, out_step;  ///< between neighbours of a tile
  std::int64_t up, down, shift;    ///< start(a) = (up a + shift) / down; outputs that leave a remainder take nothing

  bool takes(std::int64_t a) const { return (up * a + shift) % down == 0; }
  std::int64_t start(std::int64_t a) const { return (up * a + shift) / down; }
  /// Tiles of `side` outputs.
  std::int64_t tiles(std::int64_t side) const {
    std::int64_t count = 0;
    for (std::int64_t a = 0; a < std::min(out_step, out); ++a)
      count += takes(a) ? ((out - a + out_step - 1) / out_step + side - 1) / side : 0;
    return count;
  }
};

/// From x to y, or from y_bar to x_bar. A stride that divides the dilation reads only a part of the planes that the
/// dilation takes x apart into; y is then taken apart into fewer.
struct Correlation {
  std::int64_t samples, inputs, outputs, R;  ///< inputs, outputs: channels
  Axis rows, columns;

  std::int64_t in_pixels() const { return rows.in * columns.in; }
  std::int64_t out_pixels() const { return rows.out * columns.out; }
};

Correlation forward_of(const Conv2dSize& s) {
  const auto axis = [&](std::int64_t x, std::int64_t y) {
    return Axis{x, y, s.dilation, s.dilation / s.stride, s.stride, 1, -s.pad};
  };
  return {s.N, s.C, s.K, s.R, axis(s.H, s.P), axis(s.W, s.Q)};
}

/// By the filters turned round.
Correlation adjoint_of(const Conv2dSize& s) {
  const auto axis = [&](std::int64_t x, std::int64_t y) {
    return Axis{y, x, s.dilation / s.stride, s.dilation, 1, s.stride, s.pad - s.dilation * (s.R - 1)};
  };
  return {s.N, s.K, s.C, s.R, axis(s.H, s.P), axis(s.W, s.Q)};
}

/// How a correlation is cut into tiles.
struct Cut {
  std::int64_t side, tiles;  ///< outputs of a tile along an axis; tiles of a sample
  int points;                ///< of a transformed tile along an axis

  std::int64_t elements() const { return std::int64_t{points} * points; }
  std::int64_t products() const { return elements() * tiles; }
};

Cut cut_of(const Correlation& pass) {
  const auto by = [&](int points) {
    const std::int64_t side = points + 1 - pass.R;
    return Cut{side, pass.rows.tiles(side) * pass.columns.tiles(side), points};
  };
  // Eight points and 3x3 taps: no fewer multiplications on planes of 32, 16 or 8 pixels.
  if (pass.R == 5 && by(8).products() < by(6).products())
    return by(8);
  return by(6);
}

/// The tiles of a sample: which inputs and outputs are theirs, as offsets in planes of kWinogradLanes channels. Pixels
/// outside are the one behind the last.
struct Tiling {
  Tiling(const Correlation& pass, ScratchScope& scratch) : cut(cut_of(pass)) {
    const std::int64_t side = cut.side;
    const std::span<const Origin> rows = origins(pass.rows, scratch), columns = origins(pass.columns, scratch);
    auto* from = scratch.take<std::int32_t>(cut.products());
    auto* to = scratch.take<std::int32_t>(cut.tiles * side * side);
    inputs = from;
    outputs = to;
    for (const Origin& row : rows) {
      for (const Origin& column : columns) {
        for (std::int64_t i = 0; i < cut.elements(); ++i)
          *from++ = offset(row.in + i / cut.points * pass.rows.in_step, pass.rows.in,
                           column.in + i % cut.points * pass.columns.in_step, pass.columns.in);
        for (std::int64_t i = 0; i < side * side; ++i)
          *to++ = offset(row.out + i / side * pass.rows.out_step, pass.rows.out,
                         column.out + i % side * pass.columns.out_step, pass.columns.out);
      }
    }
  }

  WinogradPlaces input_places() const { return {inputs, cut.elements(), 0}; }
  WinogradPlaces output_places() const { return {outputs, cut.side * cut.side, 0}; }
  WinogradSides sides() const { return {cut.points, static_cast<int>(cut.side)}; }

  Cut cut;
  const std::int32_t* inputs;   ///< [tiles][points][points]
  const std::int32_t* outputs;  ///< [tiles][side][side]

 private:
  /// The first input and output of a tile.
  struct Origin {
    std::int64_t in, out;
  };
  std::span<const Origin> origins(const Axis& axis, ScratchScope& scratch) const {
    auto* const first = scratch.take<Origin>(axis.tiles(cut.side));
    auto* to = first;
    for (std::int64_t a = 0; a < axis.out_step; ++a) {
      for (std::int64_t k = 0; axis.takes(a) && a + k * axis.out_step < axis.out; k += cut.side)
        *to++ = {axis.start(a) + k * axis.in_step, a + k * axis.out_step};
    }
    return {first, to};
  }
  static std::int32_t offset(std::int64_t row, std::int64_t height, std::int64_t column, std::int64_t width) {
    const bool is_inside = row >= 0 && row < height && column >= 0 && column < width;
    return static_cast<std::int32_t>((is_inside ? row * width + column : height * width) * kWinogradLanes);
  }
};

/// 0, step, 2 step, ...
std::int32_t* multiples(std::int64_t count, std::int64_t step, ScratchScope& scratch) {
  auto* const result = scratch.take<std::int32_t>(count);
  for (std::int64_t i = 0; i < count; ++i)
    result[i] = static_cast<std::int32_t>(i * step);
  return result;
}

/// [elements][rows][padded(channels)]; a line more between elements keeps their addresses from falling on each other in
/// a cache.
struct Transformed {
  Transformed(const Cut& cut, std::int64_t rows_of, std::int64_t channels)
      : elements(cut.elements()), rows(rows_of), row(padded(channels)), step(rows_of * row + kWinogradLanes) {}
  std::int64_t numel() const { return elements * step; }
  /// Of tiles that lie `apart`.
  WinogradPlaces places(std::int64_t apart, ScratchScope& scratch) const {
    return {multiples(elements, step, scratch), 0, apart};
  }
  /// Where each row of `data` begins, [elements][rows].
  template <class T>
  const T* const* row_starts(const T* data, ScratchScope& scratch) const {
    auto* const starts = scratch.take<const T*>(elements * rows);
    for (std::int64_t i = 0; i < elements * rows; ++i)
      starts[i] = data + i / rows * step + i % rows * row;
    return starts;
  }
  std::int64_t elements, rows, row, step;
};

/// Samples of a block: what is transformed stays in the second-level cache, or is no more than the filters, which each
/// block reads. Blocks are of like sizes.
std::int64_t block_of(const Correlation& pass, const Cut& cut) {
  constexpr std::int64_t kElements = std::int64_t{1} << 19;
  const std::int64_t filters = cut.elements() * padded(pass.inputs) * padded(pass.outputs);
  const std::int64_t sample = cut.products() * (padded(pass.inputs) + padded(pass.outputs));
  const std::int64_t most = std::clamp<std::int64_t>(std::max(kElements, filters) / sample, 1, pass.samples);
  const std::int64_t blocks = (pass.samples + most - 1) / most;
  return (pass.samples + blocks - 1) / blocks;
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
    winograd_map(map, tiling.sides(), tiling.cut.tiles, planes, places, to + n * tiling.cut.tiles * layout.row + c,
                 to_places);
  });
}

/// to [columns, rows] = beta to + from^T
template <class T>
void store_transposed(std::int64_t rows, std::int64_t columns, const T* from, std::int64_t from_row, T beta, T* to) {
  if (beta == T(0))
    return transpose(rows, columns, from, from_row, to, rows);
  ScratchScope scratch;
  T* const sums = scratch.take<T>(rows * columns);
  transpose(rows, columns, from, from_row, sums, rows);
  for (std::int64_t i = 0; i < rows * columns; ++i)
    to[i] += sums[i];
}

/// y [samples, outputs, pixels] = beta y + the tiles of `from`.
template <class T>
void transform_back(const Tiling& tiling, const Correlation& pass, std::int64_t samples, const Transformed& layout,
                    const T* from, T beta, T* y) {
  const std::int64_t channels = pass.outputs, pixels = pass.out_pixels();
  ScratchScope shared;
  const WinogradPlaces from_places = layout.places(layout.row, shared);
  over_planes(samples, channels, [&](std::int64_t n, std::int64_t k, std::int64_t count, ScratchScope& scratch) {
    T* const planes = scratch.take<T>((pixels + 1) * kWinogradLanes);
    if (pass.rows.down > 1)  // some outputs are of no tile
      std::fill_n(planes, pixels * kWinogradLanes, T(0));
    winograd_map(WinogradMap::kOutputs, tiling.sides(), tiling.cut.tiles, from + n * tiling.cut.tiles * layout.row + k,
                 from_places, planes, tiling.output_places());
    store_transposed(pixels, count, planes, kWinogradLanes, beta, y + (n * channels + k) * pixels);
  });
}

/// U [elements][inputs][padded(outputs)] = the filters w [K, C, r, r], of the adjoint turned round.
template <class T>
void transform_filters(const Correlation& pass, const Cut& cut, bool is_adjoint, const T* w, const Transformed& layout,
                       T* u) {
  ScratchScope shared;
  const std::int64_t count = pass.R * pass.R;
  const std::int64_t input_step = is_adjoint ? pass.outputs * count : count;
  const std::int64_t output_step = is_adjoint ? count : pass.inputs * count;
  const WinogradPlaces to_places = layout.places(kWinogradLanes, shared);
  std::int32_t* const taps = multiples(count, layout.row, shared);
  if (is_adjoint)
    std::reverse(taps, taps + count);
  parallel_for(pass.inputs, 4, [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* const filters = scratch.take_zeros<T>(count * layout.row);
    for (std::int64_t c = begin; c < end; ++c) {
      transpose(pass.outputs, count, w + c * input_step, output_step, filters, layout.row);
      winograd_map(WinogradMap::kFilters, {cut.points, static_cast<int>(pass.R)}, layout.row / kWinogradLanes, filters,
                   {taps, 0, kWinogradLanes}, u + c * layout.row, to_places);
    }
  });
}

/// y = beta y + the correlation of x with the filters w [K, C, r, r], of the adjoint turned round.
template <class T>
void correlate(const Correlation& pass, bool is_adjoint, const T* x, const T* w, T beta, T* y) {
  constexpr std::int64_t kRows = 96;  // of a product
  ScratchScope scratch;
  const Tiling tiling(pass, scratch);
  const std::int64_t block = block_of(pass, tiling.cut), tiles = block * tiling.cut.tiles;
  const Transformed filters(tiling.cut, pass.inputs, pass.outputs), inputs(tiling.cut, tiles, pass.inputs),
      outputs(tiling.cut, tiles, pass.outputs);
  T* const u = scratch.take<T>(filters.numel());
  T* const v = scratch.take<T>(inputs.numel());
  T* const m = scratch.take<T>(outputs.numel());
  transform_filters(pass, tiling.cut, is_adjoint, w, filters, u);
  const T* const* const u_rows = filters.row_starts<T>(u, scratch);
  for (std::int64_t n = 0; n < pass.samples; n += block) {
    const std::int64_t samples = std::min(block, pass.samples - n), rows = samples * tiling.cut.tiles;
    transform(WinogradMap::kInputs, tiling, tiling.input_places(), samples, pass.inputs, pass.in_pixels(),
              x + n * pass.inputs * pass.in_pixels(), inputs, v);
    const std::int64_t pieces = (rows + kRows - 1) / kRows;
    parallel_for(inputs.elements * pieces, 1, [&](std::int64_t i, std::int64_t) {
      const std::int64_t f = i / pieces, row = i % pieces * kRows;
      gemm_rows(std::min(kRows, rows - row), pass.outputs, pass.inputs, v + f * inputs.step + row * inputs.row,
                inputs.row, 1, u_rows + f * pass.inputs, T(0), m + f * outputs.step + row * outputs.row, outputs.row);
    });
    transform_back(tiling, pass, samples, outputs, m, beta, y + n * pass.outputs * pass.out_pixels());
  }
}

template <class T>
void forward(const Conv2dSize& s, const T* x, const T* w, T beta, T* y) {
  correlate(forward_of(s), false, x, w, beta, y);
}

template <class T>
void input_gradient(const Conv2dSize& s, const T* y_bar, const T* w, T beta, T* x_bar) {
  correlate(adjoint_of(s), true, y_bar, w, beta, x_bar);
}

/// The gradient of w is a correlation, too: r x r outputs, m x m taps of y_bar, summed over tiles.
template <class T>
void weight_gradient(const Conv2dSize& s, const T* x, const T* y_bar, T beta, T* w_bar) {
  constexpr std::int64_t kFilters = 24;  // of a product
  ScratchScope scratch;
  const Correlation pass = forward_of(s);
  const Tiling tiling(pass, scratch);
  const std::int64_t block = block_of(pass, tiling.cut);
  const Transformed inputs(tiling.cut, block * tiling.cut.tiles, s.C),
      outputs(tiling.cut, block * tiling.cut.tiles, s.K), sums(tiling.cut, s.K, s.C);
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
    parallel_for(inputs.elements * pieces, 1, [&](std::int64_t i, std::int64_t) {
      const std::int64_t f = i / pieces, k = i % pieces * kFilters;
      gemm_rows(std::min(kFilters, s.K - k), s.C, samples * tiling.cut.tiles, g + f * outputs.step + k, 1, outputs.row,
                v_rows + f * inputs.rows, T(n > 0), total + f * sums.step + k * sums.row, sums.row);
    });
  }
  const WinogradPlaces from_places = sums.places(kWinogradLanes, scratch);
  const WinogradPlaces tap_places{multiples(s.taps(), sums.row, scratch), 0, kWinogradLanes};
  parallel_for(s.K, 1, [&](std::int64_t k, std::int64_t) {
    ScratchScope own;
    T* const taps = own.take<T>(s.taps() * sums.row);
    winograd_map(WinogradMap::kOutputs, {tiling.cut.points, static_cast<int>(s.R)}, sums.row / kWinogradLanes,
                 total + k * sums.row, from_places, taps, tap_places);
    store_transposed(s.taps(), s.C, taps, sums.row, beta, w_bar + k * s.C * s.taps());
  });
}

/// Measured: with fewer channels, pairs of them or tiles the transforms cost more than they save.
bool fits(const Conv2dSize& s) {
  constexpr std::int64_t kChannels = 8, kPairs = 128, kTiles = 32;
  if (precise_convolutions() || !takes_winograd(s) || std::min(s.C, s.K) < kChannels || s.C * s.K < kPairs)
    return false;
  const Cut cut = cut_of(forward_of(s));
  return s.N * std::min(cut.tiles, cut_of(adjoint_of(s)).tiles) >= kTiles && s.taps() * s.P * s.Q >= 2 * cut.products();
}

}  // namespace

bool takes_winograd(const Conv2dSize& s) {
  if (s.dilation % s.stride != 0 || s.groups != 1 || s.R != s.S || (s.R != 3 && s.R != 5) ||
      s.pad > s.dilation * (s.R - 1))
    return false;
  // Offsets are 32 bits wide.
  constexpr std::int64_t kMost = std::int64_t{1} << 30;
  const std::int64_t channels = padded(std::max(s.C, s.K));
  const Cut cut = cut_of(forward_of(s)), adjoint = cut_of(adjoint_of(s));
  return std::max({s.H * s.W, s.P * s.Q, cut.elements() * channels, cut.products(), adjoint.products()}) <
         kMost / channels;
}

template <class T>
Conv2dKernel<T> winograd_kernel() {
  Conv2dKernel<T> kernel = dense_kernel<T>();
  kernel.name = "winograd";
  kernel.takes =
      "3x3 and 5x5 taps, a stride that divides the dilation, one group, 8 channels and 128 pairs of them, 32 tiles";
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
