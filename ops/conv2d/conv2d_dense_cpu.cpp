// Any convolution as matrix products over taps, without an im2col matrix: the rows of B are pointers into zero-padded
// copies. Forward and input gradient run along planes (conv2d_planes.h); the gradient of w runs along channels, with
// x stored channels last, so that its sums over pixels need no sum over lanes at the end.
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

template <class T>
void forward(const Conv2dSize& s, const T* x, const T* w, T beta, T* y) {
  const PlaneLayout layout = layout_of_x(s);
  const Phases phases(s);
  const std::int64_t K = s.group_inputs() * s.taps();  // of the matrix product
  const std::int64_t plane = phases.count() * layout.size;
  const std::int64_t pixels = s.P * s.Q;
  const std::int64_t out_row = output_size(layout);
  ScratchScope shared;
  const std::int64_t* offsets = tap_offsets(s, layout, phases, shared);
  parallel_for(s.N, sample_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* copies = scratch.take_zeros<T>(s.C * plane);
    T* out = scratch.take<T>(s.group_outputs() * out_row);
    auto* b_rows = scratch.take<const T*>(s.C * s.taps());
    for (std::int64_t i = 0; i < s.C * s.taps(); ++i)
      b_rows[i] = copies + i / s.taps() * plane + offsets[i % s.taps()];
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t c = 0; c < s.C; ++c)
        copy_phases(layout, phases, x + (n * s.C + c) * s.H * s.W, copies + c * plane);
      for (std::int64_t g = 0; g < s.groups; ++g) {
        const T* filters = w + g * s.group_outputs() * K;
        T* y_group = y + n * s.y_sample() + g * s.group_outputs() * pixels;
        if (layout.pitch == s.Q) {
          gemm_rows(s.group_outputs(), pixels, K, filters, K, 1, b_rows + g * K, beta, y_group, pixels);
          continue;
        }
        gemm_rows(s.group_outputs(), layout.flat(), K, filters, K, 1, b_rows + g * K, T(0), out, out_row);
        for (std::int64_t k = 0; k < s.group_outputs(); ++k)
          store_output(layout, out + k * out_row, beta, y_group + k * pixels);
      }
    }
  });
}

/// For each phase and group the transposed filters [C/groups, K/groups, taps of the phase], one after another.
template <class T>
T* transposed_filters(const Conv2dSize& s, std::span<const PhaseTaps> phases, const T* w, ScratchScope& scratch) {
  T* const result = scratch.take<T>(s.w_numel());
  T* to = result;
  for (const PhaseTaps& phase : phases) {
    for (std::int64_t g = 0; g < s.groups; ++g) {
      for (std::int64_t c = 0; c < s.group_inputs(); ++c) {
        for (std::int64_t k = g * s.group_outputs(); k < (g + 1) * s.group_outputs(); ++k) {
          for (std::int64_t tap : phase.taps)
            *to++ = w[(k * s.group_inputs() + c) * s.taps() + tap];
        }
      }
    }
  }
  return result;
}

template <class T>
void input_gradient(const Conv2dSize& s, const T* y_bar, const T* w, T beta, T* x_bar) {
  const PlaneLayout layout = layout_of_y(s);
  const std::int64_t out_row = output_size(layout);
  const std::int64_t plane = s.H * s.W;
  ScratchScope shared;
  const auto phases = taps_by_phase(s, layout, Phases(s), shared);
  const T* all_filters = transposed_filters(s, phases, w, shared);
  parallel_for(s.N, sample_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* copies = scratch.take_zeros<T>(s.K * layout.size);
    T* out = scratch.take<T>(s.group_inputs() * out_row);
    auto* b_rows = scratch.take<const T*>(s.group_outputs() * s.taps());
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t k = 0; k < s.K; ++k)
        copy_phase(layout, 0, 0, y_bar + (n * s.K + k) * s.P * s.Q, copies + k * layout.size);
      if (s.stride > 1 && beta == T(0))
        std::fill_n(x_bar + n * s.x_sample(), s.x_sample(), T(0));
      const T* filters = all_filters;
      for (const PhaseTaps& phase : phases) {
        const std::int64_t taps = std::ssize(phase.taps);
        const std::int64_t K = s.group_outputs() * taps;
        for (std::int64_t g = 0; g < s.groups; ++g, filters += s.group_inputs() * K) {
          for (std::int64_t i = 0; i < K; ++i)
            b_rows[i] = copies + (g * s.group_outputs() + i / taps) * layout.size + phase.offsets[i % taps];
          gemm_rows(s.group_inputs(), layout.flat(), K, filters, K, 1, b_rows, T(0), out, out_row);
          T* to = x_bar + n * s.x_sample() + g * s.group_inputs() * plane;
          for (std::int64_t c = 0; c < s.group_inputs(); ++c)
            store_phase(s, layout, phase, out + c * out_row, beta, to + c * plane);
        }
      }
    }
  });
}

/// One of the products that the gradients of w consist of: for one sample and cotangent, one tap and the filters
/// [first, first + count) of a group, M = count rows of y_bar against the pixels of x that the tap meets.
template <class T>
struct TapProduct {
  std::int64_t tap, first, count;
  const T* y_bar;          // [count, P Q]
  const T* const* pixels;  // [P Q] rows of C/groups channels
};

/// Calls take(product) for all of them: over threads by tap and filters, in order of samples for each.
template <class T, class Take>
void each_product(const Conv2dSize& s, std::int64_t D, const T* x, const T* y_bar, Take&& take) {
  constexpr std::int64_t kScratchElements = std::int64_t{1} << 20;
  constexpr std::int64_t kMostFilters = 48;  // of one product
  const std::int64_t width = s.W + 2 * s.pad;
  const std::int64_t sample = (s.H + 2 * s.pad) * width * s.C;
  const std::int64_t block = std::clamp<std::int64_t>(kScratchElements / sample, 1, s.N);
  const std::int64_t pieces = (s.group_outputs() + kMostFilters - 1) / kMostFilters;
  const std::int64_t pixels = s.P * s.Q;
  ScratchScope shared;
  T* copies = shared.take_zeros<T>(block * sample);
  for (std::int64_t n0 = 0; n0 < s.N; n0 += block) {
    const std::int64_t samples = std::min(block, s.N - n0);
    parallel_for(samples, 1, [&](std::int64_t n, std::int64_t) {
      for (std::int64_t i = 0; i < s.H; ++i)
        transpose(s.C, s.W, x + (n0 + n) * s.x_sample() + i * s.W, s.H * s.W,
                  copies + n * sample + ((i + s.pad) * width + s.pad) * s.C, s.C);
    });
    parallel_for(s.taps() * s.groups * pieces, 1, [&](std::int64_t task, std::int64_t) {
      const std::int64_t tap = task % s.taps(), piece = task / s.taps() % pieces, g = task / s.taps() / pieces;
      const std::int64_t begin = piece * s.group_outputs() / pieces, end = (piece + 1) * s.group_outputs() / pieces;
      const std::int64_t first = g * s.group_outputs() + begin;
      const std::int64_t start = (tap / s.S * width + tap % s.S) * s.dilation * s.C + g * s.group_inputs();
      ScratchScope scratch;
      auto* rows = scratch.take<const T*>(pixels);
      for (std::int64_t n = 0; n < samples; ++n) {
        for (std::int64_t i = 0; i < s.P; ++i) {
          const T* row = copies + n * sample + i * s.stride * width * s.C + start;
          for (std::int64_t j = 0; j < s.Q; ++j)
            rows[i * s.Q + j] = row + j * s.stride * s.C;
        }
        for (std::int64_t d = 0; d < D; ++d) {
          const T* cotangent = y_bar + (d * s.N + n0 + n) * s.y_sample() + first * pixels;
          take(TapProduct<T>{tap, first, end - begin, cotangent, rows});
        }
      }
    });
  }
}

template <class T>
void multiply(const Conv2dSize& s, const TapProduct<T>& product, T beta, T* to) {
  gemm_rows(product.count, s.group_inputs(), s.P * s.Q, product.y_bar, s.P * s.Q, 1, product.pixels, beta, to,
            s.group_inputs());
}

/// Calls move(i, j) for entry i of w [K, C/groups, taps] and entry j of [taps, K, C/groups].
template <class Move>
void each_entry(const Conv2dSize& s, Move&& move) {
  const std::int64_t rows = s.K * s.group_inputs();
  for (std::int64_t i = 0; i < s.w_numel(); ++i)
    move(i, i % s.taps() * rows + i / s.taps());
}

template <class T>
void weight_gradient(const Conv2dSize& s, const T* x, const T* y_bar, T beta, T* w_bar) {
  ScratchScope scratch;
  T* sums = scratch.take_zeros<T>(s.w_numel());
  each_product(s, 1, x, y_bar, [&](const TapProduct<T>& product) {
    multiply(s, product, T(1), sums + (product.tap * s.K + product.first) * s.group_inputs());
  });
  each_entry(s, [&](std::int64_t i, std::int64_t j) { w_bar[i] = (beta == T(0) ? T(0) : w_bar[i]) + sums[j]; });
}

template <class T>
void weight_squares(const Conv2dSize& s, std::int64_t D, const T* x, const T* y_bar, double* h) {
  ScratchScope shared;
  double* sums = shared.take_zeros<double>(s.w_numel());
  each_product(s, D, x, y_bar, [&](const TapProduct<T>& product) {
    ScratchScope scratch;
    const std::int64_t count = product.count * s.group_inputs();
    T* gradient = scratch.take<T>(count);
    multiply(s, product, T(0), gradient);
    double* sum = sums + (product.tap * s.K + product.first) * s.group_inputs();
    for (std::int64_t i = 0; i < count; ++i)
      sum[i] += static_cast<double>(gradient[i]) * static_cast<double>(gradient[i]);
  });
  each_entry(s, [&](std::int64_t i, std::int64_t j) { h[i] += sums[j]; });
}

}  // namespace

template <class T>
Conv2dKernel<T> dense_kernel() {
  return {"dense", "any size", fits, forward<T>, input_gradient<T>, weight_gradient<T>, weight_squares<T>};
}
template Conv2dKernel<float> dense_kernel();
template Conv2dKernel<double> dense_kernel();

}  // namespace ockham::cpu
