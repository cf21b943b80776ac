// Any convolution as matrix products over taps, without an im2col matrix: the rows of B are pointers into zero-padded
// copies. Forward and input gradient run along planes, copied once per tap column (strips, conv2d_planes.h); the
// gradient of w runs along channels, with x stored channels last, so that its sums over pixels need no sum over lanes
// at the end.
#include "engine/gemm.h"
#include "engine/parallel.h"
#include "ops/conv2d/conv2d_kernels.h"
#include "ops/conv2d/conv2d_planes.h"

namespace ockham::cpu {
namespace {

bool fits(const Conv2dSize&) {
  return true;
}

std::int64_t sample_grain(const Conv2dSize& s) {
  return grain_of(s.y_sample() * s.group_inputs() * s.taps());
}

/// Channels that are copied and multiplied at a time: their rows of B are about as many as a product takes at once.
std::int64_t block_channels(std::int64_t channels, std::int64_t taps) {
  constexpr std::int64_t kDepth = 256;
  return std::clamp<std::int64_t>(kDepth / taps, 1, channels);
}

template <class T>
void forward(const Conv2dSize& s, const T* x, const T* w, T beta, T* y) {
  const PlaneLayout layout = layout_of_x(s);
  const Phases phases(s);
  const std::int64_t strip = strip_of(layout, 0).size;
  const std::int64_t plane = s.S * phases.rows * strip;
  const std::int64_t pixels = s.P * s.Q;
  const std::int64_t length = s.group_inputs() * s.taps();  // of a filter
  const std::int64_t block = block_channels(s.group_inputs(), s.taps());
  parallel_for(s.N, sample_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* copies = scratch.take_zeros<T>(block * plane);
    auto* b_rows = scratch.take<const T*>(block * s.taps());
    for (std::int64_t i = 0; i < block * s.taps(); ++i) {
      const std::int64_t c = i / s.taps(), r = i / s.S % s.R, column = i % s.S;
      b_rows[i] = copies + c * plane + (column * phases.rows + r % phases.rows) * strip + phases.ahead(r) * s.Q;
    }
    const auto copy_plane = [&](const T* from, T* to) {
      for (std::int64_t column = 0; column < s.S; ++column) {
        const PlaneLayout part = strip_of(layout, column * s.dilation);
        for (std::int64_t row = 0; row < phases.rows; ++row, to += strip)
          copy_phase(part, phases.start(row), 0, from, to);
      }
    };
    for (std::int64_t i = begin * s.groups; i < end * s.groups; ++i) {
      const std::int64_t n = i / s.groups, g = i % s.groups;
      const T* x_group = x + n * s.x_sample() + g * s.group_inputs() * s.H * s.W;
      const T* filters = w + g * s.group_outputs() * length;
      T* y_group = y + n * s.y_sample() + g * s.group_outputs() * pixels;
      for (std::int64_t c = 0; c < s.group_inputs(); c += block) {
        const std::int64_t count = std::min(block, s.group_inputs() - c);
        for (std::int64_t b = 0; b < count; ++b)
          copy_plane(x_group + (c + b) * s.H * s.W, copies + b * plane);
        gemm_rows(s.group_outputs(), pixels, count * s.taps(), filters + c * s.taps(), length, 1, b_rows,
                  c == 0 ? beta : T(1), y_group, pixels);
      }
    }
  });
}

/// The filters [K, C/groups, R, S] at `taps` alone, as [C, K/groups, taps].
template <class T>
T* transposed_filters(const Conv2dSize& s, std::span<const std::int64_t> taps, const T* w, ScratchScope& scratch) {
  constexpr std::int64_t kChannels = 8;  // of one task
  const std::int64_t length = s.group_outputs() * std::ssize(taps);
  T* const result = scratch.take<T>(s.C * length);
  parallel_for(s.C, kChannels, [&](std::int64_t begin, std::int64_t end) {
    T* to = result + begin * length;
    for (std::int64_t channel = begin; channel < end; ++channel) {
      const std::int64_t g = channel / s.group_inputs(), c = channel % s.group_inputs();
      for (std::int64_t k = g * s.group_outputs(); k < (g + 1) * s.group_outputs(); ++k) {
        for (std::int64_t tap : taps)
          *to++ = w[(k * s.group_inputs() + c) * s.taps() + tap];
      }
    }
  });
  return result;
}

template <class T>
void phase_gradient(const Conv2dSize& s, const PlaneLayout& layout, const Phases& phases, const PhaseTaps& phase,
                    const T* y_bar, const T* w, T beta, T* x_bar) {
  const std::int64_t taps = std::ssize(phase.taps);
  const std::int64_t first_column = phase.taps[0] % s.S;
  const std::int64_t columns = (s.S - first_column + phases.columns - 1) / phases.columns;
  const PlaneLayout flat = strip_of(layout, 0);
  const std::int64_t plane = columns * flat.size;
  const std::int64_t out_plane = layout.out_h * layout.out_w;
  const std::int64_t length = s.group_outputs() * taps;  // of a transposed filter
  const std::int64_t block = block_channels(s.group_outputs(), taps);
  ScratchScope shared;
  const T* all_filters = transposed_filters(s, phase.taps, w, shared);
  parallel_for(s.N, sample_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* copies = scratch.take_zeros<T>(block * plane);
    T* out = s.stride == 1 ? nullptr : scratch.take<T>(s.group_inputs() * out_plane);
    auto* b_rows = scratch.take<const T*>(block * taps);
    for (std::int64_t i = 0; i < block * taps; ++i) {
      const std::int64_t tap = i % taps, r = phase.taps[static_cast<std::size_t>(tap)] / s.S;
      b_rows[i] =
          copies + i / taps * plane + tap % columns * flat.size + (layout.reach_h - phases.ahead(r)) * layout.out_w;
    }
    const auto copy_plane = [&](const T* from, T* to) {
      for (std::int64_t column = first_column; column < s.S; column += phases.columns, to += flat.size)
        copy_phase(strip_of(layout, layout.reach_w - phases.ahead(column)), 0, 0, from, to);
    };
    for (std::int64_t i = begin * s.groups; i < end * s.groups; ++i) {
      const std::int64_t n = i / s.groups, g = i % s.groups;
      const T* y_group = y_bar + n * s.y_sample() + g * s.group_outputs() * s.P * s.Q;
      const T* filters = all_filters + g * s.group_inputs() * length;
      T* x_group = x_bar + n * s.x_sample() + g * s.group_inputs() * s.H * s.W;
      for (std::int64_t k = 0; k < s.group_outputs(); k += block) {
        const std::int64_t count = std::min(block, s.group_outputs() - k);
        for (std::int64_t b = 0; b < count; ++b)
          copy_plane(y_group + (k + b) * s.P * s.Q, copies + b * plane);
        gemm_rows(s.group_inputs(), out_plane, count * taps, filters + k * taps, length, 1, b_rows,
                  k > 0 ? T(1) : (out ? T(0) : beta), out ? out : x_group, out_plane);
      }
      for (std::int64_t c = 0; out && c < s.group_inputs(); ++c)
        store_phase(s, flat, phase, out + c * out_plane, beta, x_group + c * s.H * s.W);
    }
  });
}

template <class T>
void input_gradient(const Conv2dSize& s, const T* y_bar, const T* w, T beta, T* x_bar) {
  const PlaneLayout layout = layout_of_y(s);
  const Phases phases(s);
  if (s.stride > 1 && beta == T(0))
    std::fill_n(x_bar, s.N * s.x_sample(), T(0));
  ScratchScope scratch;
  for (const PhaseTaps& phase : taps_by_phase(s, layout, phases, scratch))
    phase_gradient(s, layout, phases, phase, y_bar, w, beta, x_bar);
}

/// Padded copies of x with the channels of a group last and, where the dilation is d, columns q, q + d, q + 2 d, ...
/// side by side, so that what a row of taps reads for an output is one run of S C/groups elements.
struct ChannelsLast {
  explicit ChannelsLast(const Conv2dSize& size)
      : s(size),
        width((size.W + 2 * size.pad + size.dilation - 1) / size.dilation),
        row(size.dilation * width * size.group_inputs()),
        group((size.H + 2 * size.pad) * row),
        sample(size.groups * group) {}
  /// From the start of a row to column q of the padded plane.
  std::int64_t column(std::int64_t q) const { return (q % s.dilation * width + q / s.dilation) * s.group_inputs(); }

  const Conv2dSize& s;
  std::int64_t width, row, group, sample;
};

/// Fills the interior of one sample's copy; columns: from the start of a row to each of the plane's columns.
template <class T>
void copy_channels_last(const ChannelsLast& layout, const std::int64_t* columns, const T* x, T* copy) {
  constexpr std::int64_t kChannels = 16;  // at a time, so that the lines that they touch are still in the cache
  const Conv2dSize& s = layout.s;
  const std::int64_t plane = s.H * s.W;
  for (std::int64_t i = 0; i < s.groups * s.H; ++i) {
    const T* from = x + i / s.H * s.group_inputs() * plane + i % s.H * s.W;
    T* to = copy + i / s.H * layout.group + (i % s.H + s.pad) * layout.row;
    for (std::int64_t c0 = 0; c0 < s.group_inputs(); c0 += kChannels) {
      const std::int64_t c1 = std::min(c0 + kChannels, s.group_inputs());
      for (std::int64_t j = 0; j < s.W; ++j) {
        T* const pixel = to + columns[j];
        for (std::int64_t c = c0; c < c1; ++c)
          pixel[c] = from[c * plane + j];
      }
    }
  }
}

/// One of the products that the gradients of w consist of: for one sample and cotangent, one row r of taps and the
/// filters [first, first + count) of a group, M = count rows of y_bar against the runs of x that the taps meet.
template <class T>
struct TapProduct {
  std::int64_t r, first, count;
  const T* y_bar;        // [count, P Q]
  const T* const* runs;  // [P Q] of [S, C/groups]
};

/// Calls take(product) for all of them: over threads by row of taps and filters, in order of samples for each.
template <class T, class Take>
void each_product(const Conv2dSize& s, std::int64_t D, const T* x, const T* y_bar, Take&& take) {
  constexpr std::int64_t kScratchElements = std::int64_t{1} << 20;
  constexpr std::int64_t kFilters = 6;  // of one product: the rows of a register tile
  const ChannelsLast layout(s);
  const std::int64_t block = std::clamp<std::int64_t>(kScratchElements / layout.sample, 1, s.N);
  const std::int64_t pieces = (s.group_outputs() + kFilters - 1) / kFilters;
  const std::int64_t pixels = s.P * s.Q;
  ScratchScope shared;
  T* copies = shared.take_zeros<T>(block * layout.sample);
  auto* columns = shared.take<std::int64_t>(s.W);
  for (std::int64_t j = 0; j < s.W; ++j)
    columns[j] = layout.column(j + s.pad);
  auto* offsets = shared.take<std::int64_t>(pixels);  // of the runs of the first row of taps
  for (std::int64_t i = 0; i < pixels; ++i)
    offsets[i] = i / s.Q * s.stride * layout.row + layout.column(i % s.Q * s.stride);
  for (std::int64_t n0 = 0; n0 < s.N; n0 += block) {
    const std::int64_t samples = std::min(block, s.N - n0);
    parallel_for(samples, 1, [&](std::int64_t n, std::int64_t) {
      copy_channels_last(layout, columns, x + (n0 + n) * s.x_sample(), copies + n * layout.sample);
    });
    parallel_for(s.R * s.groups * pieces, 1, [&](std::int64_t task, std::int64_t) {
      const std::int64_t r = task % s.R, piece = task / s.R % pieces, g = task / s.R / pieces;
      const std::int64_t begin = piece * s.group_outputs() / pieces, end = (piece + 1) * s.group_outputs() / pieces;
      const std::int64_t first = g * s.group_outputs() + begin;
      ScratchScope scratch;
      auto* runs = scratch.take<const T*>(pixels);
      for (std::int64_t n = 0; n < samples; ++n) {
        const T* start = copies + n * layout.sample + g * layout.group + r * s.dilation * layout.row;
        for (std::int64_t i = 0; i < pixels; ++i)
          runs[i] = start + offsets[i];
        for (std::int64_t d = 0; d < D; ++d) {
          const T* cotangent = y_bar + (d * s.N + n0 + n) * s.y_sample() + first * pixels;
          take(TapProduct<T>{r, first, end - begin, cotangent, runs});
        }
      }
    });
  }
}

/// to [count, S, C/groups] = beta to + the product
template <class T>
void multiply(const Conv2dSize& s, const TapProduct<T>& product, T beta, T* to) {
  const std::int64_t run = s.S * s.group_inputs();
  gemm_rows(product.count, run, s.P * s.Q, product.y_bar, s.P * s.Q, 1, product.runs, beta, to, run);
}

/// Calls move(i, j) for entry i of w [K, C/groups, R, S] and entry j of [R, K, S, C/groups].
template <class Move>
void each_entry(const Conv2dSize& s, Move&& move) {
  parallel_for(s.K, 1, [&](std::int64_t k, std::int64_t) {
    std::int64_t i = k * s.group_inputs() * s.taps();
    for (std::int64_t c = 0; c < s.group_inputs(); ++c) {
      for (std::int64_t r = 0; r < s.R; ++r) {
        for (std::int64_t column = 0; column < s.S; ++column)
          move(i++, ((r * s.K + k) * s.S + column) * s.group_inputs() + c);
      }
    }
  });
}

template <class T>
void weight_gradient(const Conv2dSize& s, const T* x, const T* y_bar, T beta, T* w_bar) {
  ScratchScope scratch;
  T* sums = scratch.take_zeros<T>(s.w_numel());
  each_product(s, 1, x, y_bar, [&](const TapProduct<T>& product) {
    multiply(s, product, T(1), sums + (product.r * s.K + product.first) * s.S * s.group_inputs());
  });
  each_entry(s, [&](std::int64_t i, std::int64_t j) { w_bar[i] = (beta == T(0) ? T(0) : w_bar[i]) + sums[j]; });
}

template <class T>
void weight_squares(const Conv2dSize& s, std::int64_t D, const T* x, const T* y_bar, double* h) {
  ScratchScope shared;
  double* sums = shared.take_zeros<double>(s.w_numel());
  each_product(s, D, x, y_bar, [&](const TapProduct<T>& product) {
    ScratchScope scratch;
    const std::int64_t count = product.count * s.S * s.group_inputs();
    T* gradient = scratch.take<T>(count);
    multiply(s, product, T(0), gradient);
    double* sum = sums + (product.r * s.K + product.first) * s.S * s.group_inputs();
    for (std::int64_t i = 0; i < count; ++i)
      sum[i] += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
  });
  each_entry(s, [&](std::int64_t i, std::int64_t j) { h[i] += sums[j]; });
}

}  // namespace

template <class T>
Conv2dKernel<T> dense_kernel() {
  return {Conv2dForm::kDense, "dense",           "any size",         fits,
          forward<T>,         input_gradient<T>, weight_gradient<T>, weight_squares<T>};
}
template Conv2dKernel<float> dense_kernel();
template Conv2dKernel<double> dense_kernel();

}  // namespace ockham::cpu
