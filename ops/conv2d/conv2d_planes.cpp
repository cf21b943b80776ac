#include "ops/conv2d/conv2d_planes.h"

#include <numeric>

#include "ops/conv2d/conv2d_taps.h"

namespace ockham::cpu {
namespace {

/// Rounded down and up, for any sign of a.
std::int64_t floor_of(std::int64_t a, std::int64_t b) {
  if (b == 1)  // nearly always, and a division takes as long as a row of a small plane
    return a;
  return a >= 0 ? a / b : -((-a + b - 1) / b);
}
std::int64_t ceil_of(std::int64_t a, std::int64_t b) {
  return -floor_of(-a, b);
}

/// Indices i of one axis of a copy for which i stride + start - pad lies in the plane.
struct Interval {
  std::int64_t begin, end;
};
Interval inside(std::int64_t length, std::int64_t stride, std::int64_t start, std::int64_t pad, std::int64_t copied) {
  const std::int64_t begin = std::max<std::int64_t>(0, ceil_of(pad - start, stride));
  const std::int64_t end = std::min(copied, ceil_of(length + pad - start, stride));
  return {begin, std::max(begin, end)};
}

PlaneLayout with_pitch(PlaneLayout layout) {
  // Columns that are zero in every phase, left and right, as far as a tap may run over the end of a row.
  const std::int64_t columns = layout.out_w + layout.reach_w;
  const std::int64_t left = floor_of(layout.pad_w, layout.stride);
  const std::int64_t right = columns - ceil_of(layout.width + layout.pad_w, layout.stride);
  const std::int64_t shared = std::clamp<std::int64_t>(std::min(left, right), 0, layout.reach_w);
  layout.pitch = columns - shared;
  layout.size = (layout.out_h + layout.reach_h) * layout.pitch + shared + kSlack;
  return layout;
}

}  // namespace

PlaneLayout with_aligned_rows(PlaneLayout layout) {
  const auto up = [](std::int64_t n) { return (n + kAlignedRow - 1) / kAlignedRow * kAlignedRow; };
  layout.pitch = up(layout.pitch);
  layout.size = up((layout.out_h + layout.reach_h) * layout.pitch + layout.reach_w + kAlignedRow + kSlack);
  return layout;
}

PlaneLayout layout_of_x(const Conv2dSize& s) {
  return with_pitch({.height = s.H,
                     .width = s.W,
                     .stride = s.stride,
                     .pad_h = s.pad,
                     .pad_w = s.pad,
                     .out_h = s.P,
                     .out_w = s.Q,
                     .reach_h = s.dilation * (s.R - 1) / s.stride,
                     .reach_w = s.dilation * (s.S - 1) / s.stride,
                     .pitch = 0,
                     .size = 0});
}

// x_bar's row u stride + a - pad gets y_bar's rows u - ahead(r) of the taps r of phase a. All phases take u from
// pad / stride to that of x's last row.
PlaneLayout layout_of_y(const Conv2dSize& s) {
  const std::int64_t first = s.pad / s.stride;
  const std::int64_t reach_h = s.dilation * (s.R - 1) / s.stride;
  const std::int64_t reach_w = s.dilation * (s.S - 1) / s.stride;
  return with_pitch({.height = s.P,
                     .width = s.Q,
                     .stride = 1,
                     .pad_h = reach_h - first,
                     .pad_w = reach_w - first,
                     .out_h = (s.H - 1 + s.pad) / s.stride + 1 - first,
                     .out_w = (s.W - 1 + s.pad) / s.stride + 1 - first,
                     .reach_h = reach_h,
                     .reach_w = reach_w,
                     .pitch = 0,
                     .size = 0});
}

PlaneLayout strip_of(const PlaneLayout& layout, std::int64_t shift) {
  PlaneLayout strip = layout;
  strip.pad_w -= shift;
  strip.reach_w = 0;
  strip.pitch = strip.out_w;
  strip.size = (strip.out_h + strip.reach_h) * strip.pitch;
  return strip;
}

Phases::Phases(const Conv2dSize& size) : stride(size.stride), dilation(size.dilation) {
  const std::int64_t period = stride / std::gcd(stride, dilation);
  rows = std::min(size.R, period);
  columns = std::min(size.S, period);
}

const std::int64_t* tap_offsets(const Conv2dSize& size, const PlaneLayout& layout, const Phases& phases,
                                ScratchScope& scratch) {
  auto* offsets = scratch.take<std::int64_t>(size.taps());
  for (std::int64_t r = 0; r < size.R; ++r) {
    for (std::int64_t s = 0; s < size.S; ++s) {
      const std::int64_t phase = r % phases.rows * phases.columns + s % phases.columns;
      offsets[r * size.S + s] = phase * layout.size + phases.ahead(r) * layout.pitch + phases.ahead(s);
    }
  }
  return offsets;
}

std::span<const PhaseTaps> taps_by_phase(const Conv2dSize& size, const PlaneLayout& layout, const Phases& phases,
                                         ScratchScope& scratch) {
  auto* result = scratch.take<PhaseTaps>(phases.count());
  auto* taps = scratch.take<std::int64_t>(size.taps());
  auto* offsets = scratch.take<std::int64_t>(size.taps());
  for (std::int64_t phase = 0; phase < phases.count(); ++phase) {
    const std::int64_t first_r = phase / phases.columns;
    const std::int64_t first_s = phase % phases.columns;
    std::int64_t count = 0;
    for (std::int64_t r = first_r; r < size.R; r += phases.rows) {
      for (std::int64_t s = first_s; s < size.S; s += phases.columns, ++count) {
        taps[count] = r * size.S + s;
        offsets[count] = (layout.reach_h - phases.ahead(r)) * layout.pitch + layout.reach_w - phases.ahead(s);
      }
    }
    result[phase] = {phases.start(first_r), phases.start(first_s), {taps, static_cast<std::size_t>(count)}, offsets};
    taps += count;
    offsets += count;
  }
  return {result, static_cast<std::size_t>(phases.count())};
}

template <class T>
void copy_phase(const PlaneLayout& layout, std::int64_t a, std::int64_t b, const T* plane, T* copy) {
  const std::int64_t step = layout.stride;
  const Interval rows = inside(layout.height, step, a, layout.pad_h, layout.out_h + layout.reach_h);
  const Interval columns = inside(layout.width, step, b, layout.pad_w, layout.pitch);
  const T* from =
      plane + (rows.begin * step + a - layout.pad_h) * layout.width + columns.begin * step + b - layout.pad_w;
  T* to = copy + rows.begin * layout.pitch + columns.begin;
  const std::int64_t width = columns.end - columns.begin;
  if (step == 1)
    return copy_rows<T>(rows.end - rows.begin, width, from, layout.width, T(0), to, layout.pitch);
  if (step == 2)
    return copy_second_columns(rows.end - rows.begin, width, from, 2 * layout.width, to, layout.pitch);
  for (std::int64_t i = rows.begin; i < rows.end; ++i, from += step * layout.width, to += layout.pitch) {
    for (std::int64_t j = 0; j < width; ++j)
      to[j] = from[j * step];
  }
}

template <class T>
void copy_phases(const PlaneLayout& layout, const Phases& phases, const T* plane, T* copies) {
  for (std::int64_t r = 0; r < phases.rows; ++r) {
    for (std::int64_t s = 0; s < phases.columns; ++s, copies += layout.size)
      copy_phase(layout, phases.start(r), phases.start(s), plane, copies);
  }
}

template <class T>
void store_output(const PlaneLayout& layout, const T* flat, T beta, T* y) {
  copy_rows(layout.out_h, layout.out_w, flat, layout.pitch, beta, y, layout.out_w);
}

template <class T>
void store_phase(const Conv2dSize& size, const PlaneLayout& layout, const PhaseTaps& phase, const T* flat, T beta,
                 T* x_bar) {
  if (size.stride == 1)
    return copy_rows(size.H, size.W, flat, layout.pitch, beta, x_bar, size.W);
  const std::int64_t first = size.pad / size.stride;
  const std::int64_t pad = size.pad - first * size.stride;
  const Interval rows = inside(size.H, size.stride, phase.a, pad, layout.out_h);
  const Interval columns = inside(size.W, size.stride, phase.b, pad, layout.out_w);
  for (std::int64_t i = rows.begin; i < rows.end; ++i) {
    T* to = x_bar + (i * size.stride + phase.a - pad) * size.W + phase.b - pad;
    for (std::int64_t j = columns.begin; j < columns.end; ++j)
      to[j * size.stride] += flat[i * layout.pitch + j];
  }
}

#define OCKHAM_INSTANTIATE_PLANES(T)                                                      \
  template void copy_phase(const PlaneLayout&, std::int64_t, std::int64_t, const T*, T*); \
  template void copy_phases(const PlaneLayout&, const Phases&, const T*, T*);             \
  template void store_output(const PlaneLayout&, const T*, T, T*);                        \
  template void store_phase(const Conv2dSize&, const PlaneLayout&, const PhaseTaps&, const T*, T, T*);
OCKHAM_INSTANTIATE_PLANES(float)
OCKHAM_INSTANTIATE_PLANES(double)
#undef OCKHAM_INSTANTIATE_PLANES

}  // namespace ockham::cpu
