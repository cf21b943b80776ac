#pragma once
// The first convolution of a conv_unit with its load, as one task pushes tangents through it. Two forms with the same
// interface: DepthwiseTangent works plane by plane on padded copies that stay in the first-level cache; SampleTangent
// calls conv2d's kernels on a sample.
//   push(n, t, q_dot)   q_dot = conv(r_dot, w); @return the sum over channels of factor_c <bar_c, mask x_dot_c>
//   r_dot()             of the last push, where kKeepsTangent
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
  const T* bar;          ///< of the sample, like x; null: no sum is wanted
  const double* factor;  ///< [C]
};

template <class T>
double load_channel_tangent(const UnitSample<T>& unit, std::int64_t n, const UnitTangent<T>& t, std::int64_t c,
                            std::int64_t rows, std::int64_t columns, T* r_dot, std::int64_t r_pitch) {
  const std::int64_t at = c * unit.plane();
  const TangentLoad<T> load{.s = unit.scale(c),
                            .b = unit.shift(c),
                            .s_dot = t.affine ? t.affine[c] : T(0),
                            .b_dot = t.affine ? t.affine[unit.conv.C + c] : T(0),
                            .rectifies = unit.rectifies};
  const double sum = load_tangent(rows, columns, load, unit.x_of(n) + at, t.x ? t.x + at : nullptr,
                                  t.bar ? t.bar + at : nullptr, r_dot, r_pitch);
  return t.bar ? t.factor[c] * sum : 0.0;
}

template <class T>
class SampleTangent {
 public:
  static constexpr bool kKeepsTangent = true;
  struct Shared {
    Shared(const UnitSample<T>&, ScratchScope&) {}
  };
  SampleTangent(const UnitSample<T>& unit, const Shared&, ScratchScope& scratch)
      : unit_(unit), kernel_(unit.conv_kernel()), r_dot_(scratch.take<T>(unit.conv.x_sample())) {}

  double push(std::int64_t n, const UnitTangent<T>& t, T* q_dot) const {
    double sum = 0.0;
    for (std::int64_t c = 0; c < unit_.conv.C; ++c)
      sum += load_channel_tangent(unit_, n, t, c, 1, unit_.plane(), r_dot_ + c * unit_.plane(), unit_.plane());
    kernel_.forward(unit_.conv, r_dot_, unit_.w, T(0), q_dot);
    return sum;
  }
  const T* r_dot() const { return r_dot_; }

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
        : layout(layout_of_x(unit.conv)),
          phases(unit.conv),
          offsets(tap_offsets(unit.conv, layout, phases, scratch)),
          is_grid(unit.conv.stride == 1 &&
                  fits_grid(unit.conv.R, unit.conv.S, unit.conv.dilation, unit.conv.P, unit.conv.Q) &&
                  unit.conv.P == unit.conv.H && unit.conv.Q == unit.conv.W) {}
    PlaneLayout layout;
    Phases phases;
    const std::int64_t* offsets;
    bool is_grid;  ///< correlate_grid() serves
  };
  DepthwiseTangent(const UnitSample<T>& unit, const Shared& shared, ScratchScope& scratch)
      : unit_(unit),
        s_(shared),
        copies_{scratch.take_zeros<T>(shared.phases.count() * shared.layout.size),
                scratch.take_zeros<T>(shared.phases.count() * shared.layout.size)},
        flat_(scratch.take<T>(output_size(shared.layout))),
        plane_(scratch.take<T>(unit.plane())) {}

  /// Each plane is loaded before its predecessor is convolved: the taps' loads overlap several stores, and would wait
  /// for those that have not left the store buffer.
  double push(std::int64_t n, const UnitTangent<T>& t, T* q_dot) const {
    const Conv2dSize& conv = unit_.conv;
    double sum = load(n, t, 0);
    for (std::int64_t c = 0; c < conv.C; ++c) {
      if (c + 1 < conv.C)
        sum += load(n, t, c + 1);
      convolve(c, q_dot + c * conv.P * conv.Q);
    }
    return sum;
  }

 private:
  double load(std::int64_t n, const UnitTangent<T>& t, std::int64_t c) const {
    const Conv2dSize& conv = unit_.conv;
    T* const copies = copies_[c % 2];
    if (conv.stride == 1)
      return load_channel_tangent(unit_, n, t, c, conv.H, conv.W,
                                  copies + s_.layout.pad_h * s_.layout.pitch + s_.layout.pad_w, s_.layout.pitch);
    const double sum = load_channel_tangent(unit_, n, t, c, 1, unit_.plane(), plane_, unit_.plane());
    copy_phases(s_.layout, s_.phases, plane_, copies);
    return sum;
  }

  void convolve(std::int64_t c, T* q_dot) const {
    const Conv2dSize& conv = unit_.conv;
    const T* const copies = copies_[c % 2];
    const T* const w = unit_.w + c * conv.taps();
    if (s_.is_grid)
      correlate_grid(conv.R, conv.dilation, conv.P, conv.Q, s_.layout.pitch, copies + s_.offsets[0], w, q_dot);
    else
      correlate_rows(conv.P, conv.Q, s_.layout.pitch, conv.taps(), copies, s_.offsets, w, flat_, q_dot);
  }

  const UnitSample<T>& unit_;
  const Shared& s_;
  T* copies_[2];  // of one channel and the next
  T* flat_;
  T* plane_;
};

}  // namespace ockham::cpu
