#include "engine/arena.h"
#include "engine/parallel.h"
#include "ops/conv2d/conv2d_kernels.h"
#include "ops/conv2d/conv2d_planes.h"
#include "ops/conv2d/conv2d_taps.h"

namespace ockham::cpu {
namespace {

bool fits(const Conv2dSize& s) {
  return s.groups == s.C && s.groups == s.K;
}

/// Planes of one task.
std::int64_t plane_grain(const Conv2dSize& s) {
  return grain_of(s.P * s.Q * s.taps());
}

template <class T>
void forward(const Conv2dSize& s, const T* x, const T* w, T beta, T* y) {
  const PlaneLayout layout = layout_of_x(s);
  const Phases phases(s);
  ScratchScope shared;
  const std::int64_t* offsets = tap_offsets(s, layout, phases, shared);
  parallel_for(s.N * s.C, plane_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* copies = scratch.take_zeros<T>(phases.count() * layout.size);
    T* out = scratch.take<T>(output_size(layout));
    for (std::int64_t plane = begin; plane < end; ++plane) {
      copy_phases(layout, phases, x + plane * s.H * s.W, copies);
      correlate(layout.flat(), s.taps(), copies, offsets, w + plane % s.C * s.taps(), out);
      store_output(layout, out, beta, y + plane * s.P * s.Q);
    }
  });
}

template <class T>
void input_gradient(const Conv2dSize& s, const T* y_bar, const T* w, T beta, T* x_bar) {
  const PlaneLayout layout = layout_of_y(s);
  ScratchScope shared;
  const auto phases = taps_by_phase(s, layout, Phases(s), shared);
  parallel_for(s.N * s.C, plane_grain(s), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* copy = scratch.take_zeros<T>(layout.size);
    T* out = scratch.take<T>(output_size(layout));
    T* weights = scratch.take<T>(s.taps());
    for (std::int64_t plane = begin; plane < end; ++plane) {
      copy_phase(layout, 0, 0, y_bar + plane * s.P * s.Q, copy);
      T* to = x_bar + plane * s.H * s.W;
      if (s.stride > 1 && beta == T(0))
        std::fill_n(to, s.H * s.W, T(0));
      for (const PhaseTaps& phase : phases) {
        for (std::size_t t = 0; t < phase.taps.size(); ++t)
          weights[t] = w[plane % s.C * s.taps() + phase.taps[t]];
        correlate(layout.flat(), std::ssize(phase.taps), copy, phase.offsets, weights, out);
        store_phase(s, layout, phase, out, beta, to);
      }
    }
  });
}

/// Calls take(c, gradient [R, S]) for every sample of D cotangents, over threads by channel and in order for each.
template <class T, class Take>
void each_gradient(const Conv2dSize& s, std::int64_t D, const T* x, const T* y_bar, Take&& take) {
  const PlaneLayout layout = layout_of_x(s);
  const Phases phases(s);
  ScratchScope shared;
  const std::int64_t* offsets = tap_offsets(s, layout, phases, shared);
  parallel_for(s.C, grain_of(s.N * D * s.P * s.Q * s.taps()), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    T* copies = scratch.take_zeros<T>(phases.count() * layout.size);
    T* y = scratch.take_zeros<T>(output_size(layout));  // zero between rows and behind the last
    T* gradient = scratch.take<T>(s.taps());
    for (std::int64_t c = begin; c < end; ++c) {
      for (std::int64_t n = 0; n < s.N; ++n) {
        copy_phases(layout, phases, x + (n * s.C + c) * s.H * s.W, copies);
        for (std::int64_t d = 0; d < D; ++d) {
          copy_rows(s.P, s.Q, y_bar + ((d * s.N + n) * s.C + c) * s.P * s.Q, s.Q, T(0), y, layout.pitch);
          tap_dots(layout.flat(), s.taps(), y, copies, offsets, gradient);
          take(c, gradient);
        }
      }
    }
  });
}

template <class T>
void weight_gradient(const Conv2dSize& s, const T* x, const T* y_bar, T beta, T* w_bar) {
  ScratchScope scratch;
  double* sums = scratch.take_zeros<double>(s.w_numel());
  each_gradient(s, 1, x, y_bar, [&](std::int64_t c, const T* gradient) {
    for (std::int64_t t = 0; t < s.taps(); ++t)
      sums[c * s.taps() + t] += static_cast<double>(gradient[t]);
  });
  for (std::int64_t i = 0; i < s.w_numel(); ++i)
    w_bar[i] = (beta == T(0) ? T(0) : w_bar[i]) + static_cast<T>(sums[i]);
}

template <class T>
void weight_squares(const Conv2dSize& s, std::int64_t D, const T* x, const T* y_bar, double* h) {
  each_gradient(s, D, x, y_bar, [&](std::int64_t c, const T* gradient) {
    for (std::int64_t t = 0; t < s.taps(); ++t)
      h[c * s.taps() + t] += static_cast<double>(gradient[t]) * static_cast<double>(gradient[t]);
  });
}

}  // namespace

template <class T>
Conv2dKernel<T> depthwise_kernel() {
  return {Conv2dForm::kDepthwise,
          "depthwise",
          "one input and one output channel a group",
          fits,
          forward<T>,
          input_gradient<T>,
          weight_gradient<T>,
          weight_squares<T>};
}
template Conv2dKernel<float> depthwise_kernel();
template Conv2dKernel<double> depthwise_kernel();

}  // namespace ockham::cpu
