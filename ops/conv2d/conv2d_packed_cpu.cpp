#include "engine/parallel.h"
#include "ops/conv2d/conv2d_packed.h"
#include "ops/conv2d/conv2d_planes.h"

namespace ockham::cpu {
namespace {

bool is_pointwise(const Conv2dSize& s) {
  return s.taps() == 1 && s.stride == 1 && s.pad == 0;
}

/// Calls task(begin, end, scratch) for the samples, over threads.
template <class Task>
void over_samples(const Conv2dSize& s, Task&& task) {
  parallel_for(s.N, grain_of(s.y_sample() * s.group_inputs() * s.taps()), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    task(begin, end, scratch);
  });
}

/// y = beta y + A x for one sample, whose planes are the rows of x.
void multiply_planes(const PackedMatrix& a, std::int64_t pixels, const float* x, float beta, float* y) {
  ScratchScope scratch;
  auto* rows = scratch.take<const float*>(a.K);
  for (std::int64_t k = 0; k < a.K; ++k)
    rows[k] = x + k * pixels;
  gemm_rows_bf16(a, pixels, rows, beta, y, pixels);
}

}  // namespace

PackedFilters::PackedFilters(const Conv2dSize& s, const float* w, bool is_for_gradient, ScratchScope& scratch) {
  const std::int64_t K = s.group_outputs(), C = s.group_inputs(), taps = s.taps();
  auto* groups = scratch.take<PackedMatrix>(s.groups);
  for (std::int64_t g = 0; g < s.groups; ++g)
    groups[g] = pack_bf16(K, C * taps, w + g * K * C * taps, C * taps, 1, scratch);
  groups_ = {groups, static_cast<std::size_t>(s.groups)};
  if (!is_for_gradient)
    return;
  const auto phases = taps_by_phase(s, layout_of_y(s), Phases(s), scratch);
  const std::int64_t count = std::ssize(phases) * s.groups;
  auto* transposed = scratch.take<PackedMatrix>(count);
  float* filters = scratch.take<float>(C * K * taps);
  for (std::int64_t i = 0; i < count; ++i) {
    const PhaseTaps& phase = phases[static_cast<std::size_t>(i / s.groups)];
    const float* of_group = w + i % s.groups * K * C * taps;
    float* to = filters;
    for (std::int64_t c = 0; c < C; ++c) {
      for (std::int64_t k = 0; k < K; ++k) {
        for (std::int64_t tap : phase.taps)
          *to++ = of_group[(k * C + c) * taps + tap];
      }
    }
    const std::int64_t depth = K * std::ssize(phase.taps);
    transposed[i] = pack_bf16(C, depth, filters, depth, 1, scratch);
  }
  transposed_ = {transposed, static_cast<std::size_t>(count)};
}

void PackedFilters::forward(const Conv2dSize& s, const float* x, float beta, float* y) const {
  const std::int64_t pixels = s.P * s.Q;
  if (is_pointwise(s) && s.groups == 1)
    return over_samples(s, [&](std::int64_t begin, std::int64_t end, ScratchScope&) {
      for (std::int64_t n = begin; n < end; ++n)
        multiply_planes(groups_[0], pixels, x + n * s.x_sample(), beta, y + n * s.y_sample());
    });
  const PlaneLayout layout = layout_of_x(s);
  const Phases phases(s);
  const std::int64_t plane = phases.count() * layout.size, out_row = output_size(layout);
  ScratchScope shared;
  const std::int64_t* offsets = tap_offsets(s, layout, phases, shared);
  over_samples(s, [&](std::int64_t begin, std::int64_t end, ScratchScope& scratch) {
    float* copies = scratch.take_zeros<float>(s.C * plane);
    float* out = scratch.take<float>(s.group_outputs() * out_row);
    auto* rows = scratch.take<const float*>(s.C * s.taps());
    for (std::int64_t i = 0; i < s.C * s.taps(); ++i)
      rows[i] = copies + i / s.taps() * plane + offsets[i % s.taps()];
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t c = 0; c < s.C; ++c)
        copy_phases(layout, phases, x + (n * s.C + c) * s.H * s.W, copies + c * plane);
      for (std::int64_t g = 0; g < s.groups; ++g) {
        const PackedMatrix& filters = groups_[static_cast<std::size_t>(g)];
        gemm_rows_bf16(filters, layout.flat(), rows + g * filters.K, 0.0f, out, out_row);
        for (std::int64_t k = 0; k < filters.M; ++k)
          store_output(layout, out + k * out_row, beta, y + n * s.y_sample() + (g * filters.M + k) * pixels);
      }
    }
  });
}

void PackedFilters::input_gradient(const Conv2dSize& s, const float* y_bar, float beta, float* x_bar) const {
  const std::int64_t pixels = s.P * s.Q;
  if (is_pointwise(s) && s.groups == 1)
    return over_samples(s, [&](std::int64_t begin, std::int64_t end, ScratchScope&) {
      for (std::int64_t n = begin; n < end; ++n)
        multiply_planes(transposed_[0], pixels, y_bar + n * s.y_sample(), beta, x_bar + n * s.x_sample());
    });
  const PlaneLayout layout = layout_of_y(s);
  const std::int64_t out_row = output_size(layout);
  ScratchScope shared;
  const auto phases = taps_by_phase(s, layout, Phases(s), shared);
  over_samples(s, [&](std::int64_t begin, std::int64_t end, ScratchScope& scratch) {
    float* copies = scratch.take_zeros<float>(s.K * layout.size);
    float* out = scratch.take<float>(s.group_inputs() * out_row);
    auto* rows = scratch.take<const float*>(s.group_outputs() * s.taps());
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t k = 0; k < s.K; ++k)
        copy_phase(layout, 0, 0, y_bar + (n * s.K + k) * pixels, copies + k * layout.size);
      float* const to = x_bar + n * s.x_sample();
      if (s.stride > 1 && beta == 0.0f)
        std::fill_n(to, s.x_sample(), 0.0f);
      for (std::int64_t i = 0; i < std::ssize(transposed_); ++i) {
        const PhaseTaps& phase = phases[static_cast<std::size_t>(i / s.groups)];
        const PackedMatrix& filters = transposed_[static_cast<std::size_t>(i)];
        const std::int64_t g = i % s.groups, taps = std::ssize(phase.taps);
        for (std::int64_t row = 0; row < filters.K; ++row)
          rows[row] = copies + (g * s.group_outputs() + row / taps) * layout.size + phase.offsets[row % taps];
        gemm_rows_bf16(filters, layout.flat(), rows, 0.0f, out, out_row);
        for (std::int64_t c = 0; c < filters.M; ++c)
          store_phase(s, layout, phase, out + c * out_row, beta, to + (g * filters.M + c) * s.H * s.W);
      }
    }
  });
}

}  // namespace ockham::cpu
