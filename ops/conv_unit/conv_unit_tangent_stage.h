#pragma once
// The first convolution of a conv_unit with its load, as one task pushes tangents through it. Two forms with the same
// interface: DepthwiseTangent works plane by plane on padded copies that stay in the first-level cache; SampleTangent
// calls conv2d's kernels on a sample.
//   push(n, bar, tangents)  q_dot = conv(r_dot, w) of up to kDirectionsAtOnce directions, and their sums
//   r_dot(i)                of direction i of the last push, where kKeepsTangent
#include "ops/conv2d/conv2d_planes.h"
#include "ops/conv2d/conv2d_taps.h"
#include "ops/conv_unit/conv_unit_sample.h"
#include "ops/conv_unit/conv_unit_tangent_kernels.h"

namespace ockham::cpu {

/// One sample's share of one direction.
template <class T>
struct UnitTangent {
  const T* x;            ///< tangent of the sample; null: zero
  const T* affine;       ///< tangent [2, C] of (s, b); null: zero
  const double* factor;  ///< [C]
  T* q_dot;
  double sum = 0.0;  ///< over channels of factor_c <bar_c, mask x_c>
};

/// Channel c of sample n; the copies of its directions lie r_stride apart. bar: of the sample, or null.
template <class T>
void load_channel_tangents(const UnitSample<T>& unit, std::int64_t n, const T* bar, std::span<UnitTangent<T>> tangents,
                           std::int64_t c, std::int64_t rows, std::int64_t columns, T* r_dot, std::int64_t r_stride,
                           std::int64_t r_pitch) {
  const std::int64_t at = c * unit.plane();
  ChannelTangent<T> channel[kDirectionsAtOnce];
  for (std::size_t i = 0; i < tangents.size(); ++i) {
    const UnitTangent<T>& t = tangents[i];
    channel[i] = {.s_dot = t.affine ? t.affine[c] : T(0),
                  .b_dot = t.affine ? t.affine[unit.conv.C + c] : T(0),
                  .x_dot = t.x ? t.x + at : nullptr,
                  .r_dot = r_dot + static_cast<std::int64_t>(i) * r_stride,
                  .sum = 0.0};
  }
  const ChannelLoad<T> load{.s = unit.scale(c),
                            .b = unit.shift(c),
                            .rectifies = unit.rectifies,
                            .x = unit.x_of(n) + at,
                            .bar = bar ? bar + at : nullptr};
  load_tangents(rows, columns, load, std::span(channel, tangents.size()), r_pitch);
  for (std::size_t i = 0; bar && i < tangents.size(); ++i)
    tangents[i].sum += tangents[i].factor[c] * channel[i].sum;
}

template <class T>
class SampleTangent {
 public:
  static constexpr bool kKeepsTangent = true;
  struct Shared {
    Shared(const UnitSample<T>&, ScratchScope&) {}
  };
  SampleTangent(const UnitSample<T>& unit, const Shared&, ScratchScope& scratch)
      : unit_(unit), kernel_(unit.conv_kernel()), r_dot_(scratch.take<T>(kDirectionsAtOnce * unit.conv.x_sample())) {}

  void push(std::int64_t n, const T* bar, std::span<UnitTangent<T>> tangents) const {
    for (std::int64_t c = 0; c < unit_.conv.C; ++c)
      load_channel_tangents(unit_, n, bar, tangents, c, 1, unit_.plane(), r_dot_ + c * unit_.plane(),
                            unit_.conv.x_sample(), unit_.plane());
    for (std::size_t i = 0; i < tangents.size(); ++i)
      kernel_.forward(unit_.conv, r_dot(static_cast<std::int64_t>(i)), unit_.w, T(0), tangents[i].q_dot);
  }
  const T* r_dot(std::int64_t i) const { return r_dot_ + i * unit_.conv.x_sample(); }

 private:
  const UnitSample<T>& unit_;
  const Conv2dKernel<T>& kernel_;
  T* r_dot_;
};

template <class T>
class DepthwiseTangent {
 public:
  static constexpr bool kKeepsTangent = false;
  /// Layouts and offsets, the same for all tasks.
  struct Shared {
    Shared(const UnitSample<T>& unit, ScratchScope& scratch)
        : is_grid(unit.conv.stride == 1 &&
                  fits_grid(unit.conv.R, unit.conv.S, unit.conv.dilation, unit.conv.P, unit.conv.Q) &&
                  unit.conv.P == unit.conv.H && unit.conv.Q == unit.conv.W),
          layout(is_grid ? with_aligned_rows(layout_of_x(unit.conv)) : layout_of_x(unit.conv)),
          phases(unit.conv),
          offsets(tap_offsets(unit.conv, layout, phases, scratch)) {}
    bool is_grid;  ///< correlate_grid() serves
    PlaneLayout layout;
    Phases phases;
    const std::int64_t* offsets;
  };
  DepthwiseTangent(const UnitSample<T>& unit, const Shared& shared, ScratchScope& scratch)
      : unit_(unit),
        s_(shared),
        copy_numel_((shared.phases.count() * shared.layout.size + kAlignedRow - 1) / kAlignedRow * kAlignedRow),
        copies_(scratch.take_zeros<T>(kDirectionsAtOnce * copy_numel_ + kAlignedRow) +
                (shared.is_grid ? aligned_origin(shared.layout) : 0)),
        flat_(scratch.take<T>(output_size(shared.layout))),
        planes_(shared.phases.stride == 1 ? nullptr : scratch.take<T>(kDirectionsAtOnce * unit.plane())) {}

  void push(std::int64_t n, const T* bar, std::span<UnitTangent<T>> tangents) const {
    const Conv2dSize& conv = unit_.conv;
    for (std::int64_t c = 0; c < conv.C; ++c) {
      load(n, bar, tangents, c);
      for (std::size_t i = 0; i < tangents.size(); ++i)
        convolve(c, copies_ + static_cast<std::int64_t>(i) * copy_numel_, tangents[i].q_dot + c * conv.P * conv.Q);
    }
  }

 private:
  void load(std::int64_t n, const T* bar, std::span<UnitTangent<T>> tangents, std::int64_t c) const {
    const Conv2dSize& conv = unit_.conv;
    if (conv.stride == 1)
      return load_channel_tangents(unit_, n, bar, tangents, c, conv.H, conv.W,
                                   copies_ + s_.layout.pad_h * s_.layout.pitch + s_.layout.pad_w, copy_numel_,
                                   s_.layout.pitch);
    load_channel_tangents(unit_, n, bar, tangents, c, 1, unit_.plane(), planes_, unit_.plane(), unit_.plane());
    for (std::int64_t i = 0; i < std::ssize(tangents); ++i)
      copy_phases(s_.layout, s_.phases, planes_ + i * unit_.plane(), copies_ + i * copy_numel_);
  }

  void convolve(std::int64_t c, const T* copies, T* q_dot) const {
    const Conv2dSize& conv = unit_.conv;
    const T* const w = unit_.w + c * conv.taps();
    if (s_.is_grid)
      correlate_grid(conv.R, conv.dilation, conv.P, conv.Q, s_.layout.pitch, copies + s_.offsets[0], w, q_dot);
    else
      correlate_rows(conv.P, conv.Q, s_.layout.pitch, conv.taps(), copies, s_.offsets, w, flat_, q_dot);
  }

  const UnitSample<T>& unit_;
  const Shared& s_;
  std::int64_t copy_numel_;
  T* copies_;  // of one channel, for each direction
  T* flat_;
  T* planes_;
};

}  // namespace ockham::cpu
