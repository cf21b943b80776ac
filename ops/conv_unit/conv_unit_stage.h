#pragma once
// The first convolution of a conv_unit with its load, as one task does it for one sample after another. Two forms with
// the same interface: DepthwiseStage works plane by plane on padded copies, into which it loads; SampleStage calls
// conv2d's kernels on a sample.
//   load(n)                 r of sample n
//   forward(q)              q = conv(r, w)
//   pull(n, q_bar, w_bar, sums, beta, x_bar)
//                           w_bar += the adjoint at the loaded r; through convolution and load, the sums of the load
//                           and x_bar = beta x_bar + the adjoint. What is null is not wanted.
#include "ops/conv2d/conv2d_planes.h"
#include "ops/conv2d/conv2d_taps.h"
#include "ops/conv_unit/conv_unit_sample.h"

namespace ockham::cpu {

template <class T>
class SampleStage {
 public:
  struct Shared {
    Shared(const UnitSample<T>&, ScratchScope&) {}
  };
  SampleStage(const UnitSample<T>& unit, const Shared&, ScratchScope& scratch)
      : unit_(unit),
        kernel_(unit.conv_kernel()),
        tile_(scratch.take<T>(unit.conv.x_sample())),
        r_bar_(scratch.take<T>(unit.conv.x_sample())) {}

  void load(std::int64_t n) { r_ = unit_.load(n, tile_); }
  void forward(T* q) const { unit_.convolve(1, r_, q); }
  void pull(std::int64_t n, const T* q_bar, T* w_bar, LoadSums* sums, T beta, T* x_bar) const {
    if (w_bar)
      kernel_.weight_gradient(unit_.conv, r_, q_bar, T(1), w_bar);
    if (!sums && !x_bar)
      return;
    unit_.transpose_convolution(1, q_bar, T(0), r_bar_);
    unit_.transpose_load(n, r_bar_, beta, x_bar, sums);
  }

 private:
  const UnitSample<T>& unit_;
  const Conv2dKernel<T>& kernel_;
  T* tile_;
  T* r_bar_;
  const T* r_ = nullptr;
};

template <class T>
class DepthwiseStage {
 public:
  /// Layouts and offsets, the same for all tasks.
  struct Shared {
    Shared(const UnitSample<T>& unit, ScratchScope& scratch)
        : is_grid(unit.conv.stride == 1 &&
                  fits_grid(unit.conv.R, unit.conv.S, unit.conv.dilation, unit.conv.P, unit.conv.Q) &&
                  unit.conv.P == unit.conv.H && unit.conv.Q == unit.conv.W),
          x(is_grid ? with_aligned_rows(layout_of_x(unit.conv)) : layout_of_x(unit.conv)),
          y(is_grid ? with_aligned_rows(layout_of_y(unit.conv)) : layout_of_y(unit.conv)),
          phases(unit.conv),
          offsets(tap_offsets(unit.conv, x, phases, scratch)),
          phase_taps(taps_by_phase(unit.conv, y, phases, scratch)),
          shares_y(unit.conv.stride == 1 && x.pitch == y.pitch && y.pad_h >= 0 && y.pad_w >= 0 &&
                   x.reach_h >= x.pad_h) {}
    bool is_grid;  ///< correlate_grid() serves forward and, with the weights in reverse, the input gradient
    PlaneLayout x, y;
    Phases phases;
    const std::int64_t* offsets;
    std::span<const PhaseTaps> phase_taps;
    bool shares_y;  ///< the copy of q_bar for the input gradient serves the weight gradient too
  };

  DepthwiseStage(const UnitSample<T>& unit, const Shared& shared, ScratchScope& scratch)
      : unit_(unit),
        s_(shared),
        copy_numel_(shared.phases.count() * shared.x.size),
        x_copies_(zeros(unit.conv.C * copy_numel_, shared.x, scratch)),
        y_copy_(zeros(shared.y.size, shared.y, scratch)),
        y_rows_(shared.shares_y ? nullptr : scratch.take_zeros<T>(output_size(shared.x))),
        flat_(scratch.take<T>(std::max(output_size(shared.x), output_size(shared.y)))),
        plane_(scratch.take<T>(unit.plane())),
        weights_(scratch.take<T>(unit.conv.taps())) {}

  void load(std::int64_t n) {
    const Conv2dSize& c = unit_.conv;
    for (std::int64_t channel = 0; channel < c.C; ++channel) {
      const T* x = unit_.x_of(n) + channel * unit_.plane();
      T* const copies = x_copies_ + channel * copy_numel_;
      if (c.stride == 1) {
        load_rows(c.H, c.W, unit_.scale(channel), unit_.shift(channel), unit_.rectifies, x,
                  copies + s_.x.pad_h * s_.x.pitch + s_.x.pad_w, s_.x.pitch);
        continue;
      }
      load_rows(1, unit_.plane(), unit_.scale(channel), unit_.shift(channel), unit_.rectifies, x, plane_,
                unit_.plane());
      copy_phases(s_.x, s_.phases, plane_, copies);
    }
  }

  void forward(T* q) const {
    const Conv2dSize& c = unit_.conv;
    for (std::int64_t channel = 0; channel < c.C; ++channel, q += c.P * c.Q) {
      const T* const copies = x_copies_ + channel * copy_numel_;
      const T* const w = unit_.w + channel * c.taps();
      if (s_.is_grid)
        correlate_grid(c.R, c.dilation, c.P, c.Q, s_.x.pitch, copies + s_.offsets[0], w, q);
      else
        correlate_rows(c.P, c.Q, s_.x.pitch, c.taps(), copies, s_.offsets, w, flat_, q);
    }
  }

  void pull(std::int64_t n, const T* q_bar, T* w_bar, LoadSums* sums, T beta, T* x_bar) {
    const Conv2dSize& c = unit_.conv;
    for (std::int64_t channel = 0; channel < c.C; ++channel) {
      if (s_.is_grid)
        copy_rows(c.P, c.Q, q_bar + channel * c.P * c.Q, c.Q, T(0), y_copy_ + s_.y.pad_h * s_.y.pitch + s_.y.pad_w,
                  s_.y.pitch);
      else
        copy_phase(s_.y, 0, 0, q_bar + channel * c.P * c.Q, y_copy_);
      if (w_bar) {
        const T* const y = q_bar + channel * c.P * c.Q;
        const T* const copies = x_copies_ + channel * copy_numel_;
        if (s_.is_grid)
          tap_dots_grid(c.R, c.dilation, c.P, c.Q, s_.x.pitch, y, copies + s_.offsets[0], weights_);
        else
          tap_dots(s_.x.flat(), c.taps(), spread(y), copies, s_.offsets, weights_);
        for (std::int64_t t = 0; t < c.taps(); ++t)
          w_bar[channel * c.taps() + t] += weights_[t];
      }
      if (!sums && !x_bar)
        continue;
      pull_plane(unit_.w + channel * c.taps());
      const std::int64_t at = channel * unit_.plane();
      load_transpose(unit_.plane(), unit_.scale(channel), unit_.shift(channel), unit_.rectifies, unit_.x_of(n) + at,
                     plane_, beta, x_bar ? x_bar + at : nullptr, sums ? sums + channel : nullptr);
    }
  }

 private:
  T* zeros(std::int64_t numel, const PlaneLayout& layout, ScratchScope& scratch) const {
    const std::int64_t origin = s_.is_grid ? aligned_origin(layout) : 0;
    return scratch.take_zeros<T>(origin + numel) + origin;
  }

  /// q_bar's plane, which y_copy_ holds, in rows of x's pitch with zeros between and behind.
  const T* spread(const T* q_bar) {
    if (s_.shares_y)
      return y_copy_ + s_.y.pad_h * s_.y.pitch + s_.y.pad_w;
    copy_rows(unit_.conv.P, unit_.conv.Q, q_bar, unit_.conv.Q, T(0), y_rows_, s_.x.pitch);
    return y_rows_;
  }

  /// plane_ = the adjoint of the convolution of one channel at y_copy_.
  void pull_plane(const T* w) {
    const Conv2dSize& c = unit_.conv;
    if (s_.is_grid) {
      std::reverse_copy(w, w + c.taps(), weights_);
      correlate_grid(c.R, c.dilation, c.H, c.W, s_.y.pitch, y_copy_ + s_.phase_taps[0].offsets[c.taps() - 1], weights_,
                     plane_);
      return;
    }
    if (c.stride > 1)
      std::fill_n(plane_, unit_.plane(), T(0));
    for (const PhaseTaps& phase : s_.phase_taps) {
      const std::int64_t taps = std::ssize(phase.taps);
      for (std::int64_t t = 0; t < taps; ++t)
        weights_[t] = w[phase.taps[static_cast<std::size_t>(t)]];
      if (c.stride == 1) {
        correlate_rows(c.H, c.W, s_.y.pitch, taps, y_copy_, phase.offsets, weights_, flat_, plane_);
        continue;
      }
      correlate(s_.y.flat(), taps, y_copy_, phase.offsets, weights_, flat_);
      store_phase(c, s_.y, phase, flat_, T(0), plane_);
    }
  }

  const UnitSample<T>& unit_;
  const Shared& s_;
  std::int64_t copy_numel_;
  T* x_copies_;  // of every channel
  T* y_copy_;
  T* y_rows_;
  T* flat_;
  T* plane_;
  T* weights_;
};

}  // namespace ockham::cpu
