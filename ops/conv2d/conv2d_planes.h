#pragma once
// Zero-padded copies of planes in which every tap of a convolution is a constant offset, so that one flat loop over a
// plane serves any kernel, dilation and stride. Two devices make that possible:
//   rows share their padding: the zeros right of one row are those left of the next (pitch = width + padding), and
//   a stride splits a plane into phases: phase (a, b) holds rows a, a + stride, ... and columns b, b + stride, ...
#include <algorithm>
#include <cstdint>
#include <span>

#include "engine/arena.h"
#include "ops/conv2d/conv2d_kernels.h"

namespace ockham::cpu {

/// How a plane of `height` x `width` is copied, and what the loop over the copy computes: out_h rows of out_w columns,
/// each reading the copy at up to (reach_h, reach_w) further. Row i, column j of the copy of phase (a, b) is the
/// plane's element (i stride + a - pad_h, j stride + b - pad_w), zero outside.
struct PlaneLayout {
  /// The output runs over rows of the copy's pitch; its columns from out_w on are meaningless.
  std::int64_t flat() const { return (out_h - 1) * pitch + out_w; }

  std::int64_t height, width, stride, pad_h, pad_w;
  std::int64_t out_h, out_w, reach_h, reach_w;
  std::int64_t pitch;  ///< elements from row to row, of the copy and of the output
  std::int64_t size;   ///< elements of a copy, with room for a loop that runs past flat() by less than kSlack
};
inline constexpr std::int64_t kSlack = 64;

/// Elements for a flat output.
inline std::int64_t output_size(const PlaneLayout& layout) {
  return layout.out_h * layout.pitch + kSlack;
}

/// The same layout with a pitch that is a multiple of kAlignedRow elements: a copy that starts at aligned_origin() then
/// keeps its rows out of the way of cache lines, most loads of which would cross one otherwise.
PlaneLayout with_aligned_rows(PlaneLayout layout);
inline constexpr std::int64_t kAlignedRow = 16;
/// Elements from an aligned address to the copy: rows of whole lines start at a line, half as long ones in its middle.
inline std::int64_t aligned_origin(const PlaneLayout& layout) {
  const std::int64_t first = layout.width % kAlignedRow == 0 ? 0 : kAlignedRow / 4;
  return (first + kAlignedRow - layout.pad_w % kAlignedRow) % kAlignedRow;
}

/// Planes of x from which P x Q outputs are computed.
PlaneLayout layout_of_x(const Conv2dSize& size);
/// Planes of y_bar from which a phase of x_bar is computed: x_bar's rows i stride + a - pad for i from pad / stride.
PlaneLayout layout_of_y(const Conv2dSize& size);

/// For tap columns that read a copy `shift` columns ahead: a copy of its own, of the out_w columns that they read and
/// thus without padding from row to row, so that a product over it makes no meaningless columns (the lowering of Cho
/// and Brand, MEC, 2017: one factor S of im2col's S R).
PlaneLayout strip_of(const PlaneLayout& layout, std::int64_t shift);

/// The phases that taps use, and where the taps find them. Axis by axis: taps r, r + count, ... share a phase.
struct Phases {
  explicit Phases(const Conv2dSize& size);
  std::int64_t count() const { return rows * columns; }
  /// Offset of the row or column `tap` in the plane that it belongs to.
  std::int64_t start(std::int64_t tap) const { return tap * dilation % stride; }
  /// How many rows or columns of that phase the tap reaches ahead.
  std::int64_t ahead(std::int64_t tap) const { return tap * dilation / stride; }

  std::int64_t stride, dilation;
  std::int64_t rows, columns;
};

/// For each tap (r, s), at index r S + s: from element (i, j) of the first of all phases' copies of x to the one that
/// the tap reads for output (i, j).
const std::int64_t* tap_offsets(const Conv2dSize& size, const PlaneLayout& layout, const Phases& phases,
                                ScratchScope& scratch);

/// A phase of x_bar: the taps (r S + s) that lead to it, and for each the offset in a copy of y_bar.
struct PhaseTaps {
  std::int64_t a, b;
  std::span<const std::int64_t> taps;
  const std::int64_t* offsets;
};
std::span<const PhaseTaps> taps_by_phase(const Conv2dSize& size, const PlaneLayout& layout, const Phases& phases,
                                         ScratchScope& scratch);

/// Fills the interior of the copy of phase (a, b); its zeros are set once, by the caller.
template <class T>
void copy_phase(const PlaneLayout& layout, std::int64_t a, std::int64_t b, const T* plane, T* copy);
/// All phases of x's plane, one after another.
template <class T>
void copy_phases(const PlaneLayout& layout, const Phases& phases, const T* plane, T* copies);

/// to[i, j] = from[i from_pitch + 2 j]
template <class T>
void copy_second_columns(std::int64_t rows, std::int64_t width, const T* from, std::int64_t from_pitch, T* to,
                         std::int64_t to_pitch);

/// y [P, Q] = beta y + the meaningful columns of a flat output.
template <class T>
void store_output(const PlaneLayout& layout, const T* flat, T beta, T* y);
/// For stride 1: x_bar [H, W] = beta x_bar + a flat output. Otherwise x_bar += it at the elements of phase (a, b), and
/// the caller has zeroed x_bar where beta is 0, since a stride may skip elements.
template <class T>
void store_phase(const Conv2dSize& size, const PlaneLayout& layout, const PhaseTaps& phase, const T* flat, T beta,
                 T* x_bar);

/// Samples or planes for one task of a parallel loop: about 2^19 floating-point operations, whatever the threads.
inline std::int64_t grain_of(std::int64_t multiply_adds) {
  return std::max<std::int64_t>(1, (std::int64_t{1} << 18) / std::max<std::int64_t>(1, multiply_adds));
}

}  // namespace ockham::cpu
