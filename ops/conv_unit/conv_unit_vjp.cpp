#include <algorithm>

#include "engine/parallel.h"
#include "ops/conv2d/conv2d_parts.h"
#include "ops/conv_unit/conv_unit_filters.h"
#include "ops/conv_unit/conv_unit_op.h"

namespace ockham {

using cpu::Conv2dSize;
using cpu::LoadSums;
using cpu::UnitSample;

namespace {

/// Sums over samples that tasks make side by side: each task adds to a part of its own, parts are added in order.
template <class T>
class Parts {
 public:
  Parts(std::int64_t N, std::int64_t numel, ScratchScope& scratch)
      : grain_(sample_grain(N)),
        count_((N + grain_ - 1) / grain_),
        numel_(numel),
        values_(scratch.take_zeros<T>(count_ * numel)) {}
  /// The part of the task that sample n belongs to.
  T* of(std::int64_t n) const { return values_ + n / grain_ * numel_; }
  /// target = beta target + the sum of all parts.
  void add_to(T beta, T* target) const { cpu::add_parts(count_, numel_, values_, beta, target); }

 private:
  std::int64_t grain_, count_, numel_;
  T* values_;
};

/// affine_bar [D, 2, C] (+)= the sums over samples, in their order.
template <class T>
void put_affine(const GradSlot& slot, std::int64_t D, std::int64_t N, std::int64_t C, const LoadSums* sums, T* to) {
  for (std::int64_t d = 0; d < D; ++d) {
    for (std::int64_t c = 0; c < C; ++c) {
      LoadSums total;
      for (std::int64_t n = 0; n < N; ++n) {
        total.s_bar += sums[(d * N + n) * C + c].s_bar;
        total.b_bar += sums[(d * N + n) * C + c].b_bar;
      }
      T& s_bar = to[2 * d * C + c];
      T& b_bar = to[(2 * d + 1) * C + c];
      s_bar = static_cast<T>(total.s_bar + (slot.accumulate ? static_cast<double>(s_bar) : 0.0));
      b_bar = static_cast<T>(total.b_bar + (slot.accumulate ? static_cast<double>(b_bar) : 0.0));
    }
  }
}

}  // namespace

/// Sample by sample, all that a sample needs while it is in the cache.
template <class Stage, class T>
void ConvUnit::vjp_by_samples(const UnitSample<T>& unit, const typename Stage::Shared& layouts, const Saved& saved,
                              std::int64_t D, Inputs y_bar, const Tensor& factor, std::span<GradSlot> x_bar) const {
  const Slots slots = slots_of(x_bar);
  const MomentsCotangent<T> moments = moments_cotangent(saved, unit, y_bar, factor);
  const std::int64_t N = saved[0].size(0), C = unit.conv.C, x_numel = unit.conv.x_sample();
  ScratchScope shared;
  const Parts<T> w_parts(N, slots.w ? D * saved[w_at_].numel() : 0, shared);
  const Parts<T> point_parts(N, slots.point ? D * saved[pointwise_at_].numel() : 0, shared);
  auto* sums = shared.take<LoadSums>(D * N * C);
  parallel_for(N, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    ScratchScope scratch;
    UnitSample<T> own = unit;
    own.x = unit.x.for_task(scratch);
    MomentsCotangent<T> own_moments = moments;
    own_moments.z = moments.z.for_task(scratch);
    Stage stage(own, layouts, scratch);
    T* q = scratch.take<T>(unit.q_numel());
    T* q_tile = scratch.take<T>(unit.q_numel());
    T* z_tile = scratch.take<T>(unit.z_numel());
    for (std::int64_t n = begin; n < end; ++n) {
      own.x.enter(n);
      if (moments.m_bar)
        own_moments.z.enter(n);
      if (slots.w || slots.point)
        stage.load(n);
      if (slots.point)
        stage.forward(q);
      for (std::int64_t d = 0; d < D; ++d) {
        const std::int64_t at = d * N + n;
        const T* z_bar = own_moments.add(n, d, y_bar[0] ? y_bar[0].data<T>() + at * unit.z_numel() : nullptr, z_tile);
        if (slots.point)
          unit.point_weight_gradient(q, z_bar, point_parts.of(n) + d * saved[pointwise_at_].numel());
        const T* q_bar = unit.transpose_point(z_bar, q_tile);
        stage.pull(n, q_bar, slots.w ? w_parts.of(n) + d * saved[w_at_].numel() : nullptr,
                   slots.affine ? sums + at * C : nullptr, slots.x ? slots.x.template beta<T>() : T(0),
                   slots.x ? slots.x.dst->template data<T>() + at * x_numel : nullptr);
      }
    }
  });
  if (slots.affine)
    put_affine(slots.affine, D, N, C, sums, slots.affine.dst->template data<T>());
  if (slots.w)
    w_parts.add_to(slots.w.template beta<T>(), slots.w.dst->template data<T>());
  if (slots.point)
    point_parts.add_to(slots.point.template beta<T>(), slots.point.dst->template data<T>());
}

/// As one dense convolution by `unit`'s filters over all samples: they are large, and products over the whole batch use
/// them better than a sample at a time. With a 1x1 convolution P behind filters W, `unit` has the composed filters V =
/// P W (conv_unit_filters.h), whose gradient gives both: W_bar = P^T V_bar, P_bar = V_bar W^T.
template <class T>
void ConvUnit::vjp_by_stages(const UnitSample<T>& unit, const Saved& saved, std::int64_t D, Inputs y_bar,
                             const Tensor& factor, std::span<GradSlot> x_bar) const {
  const Slots slots = slots_of(x_bar);
  const MomentsCotangent<T> moments = moments_cotangent(saved, unit, y_bar, factor);
  const std::int64_t N = saved[0].size(0), C = unit.conv.C, x_numel = unit.conv.x_sample(), z_numel = unit.z_numel();
  const DType dtype = saved[0].dtype();
  const bool needs_r = slots.w || slots.point;
  const bool needs_r_bar = slots.x || slots.affine;
  const Tensor r_all = needs_r ? loaded(unit, N) : Tensor();
  Tensor z_bar_all = moments.changes() ? Tensor({D * N, z_numel}, dtype) : Tensor();
  parallel_for(z_bar_all ? N : 0, sample_grain(N), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t n = begin; n < end; ++n) {
      for (std::int64_t at = n; at < D * N; at += N)
        moments.add(n, at / N, y_bar[0] ? y_bar[0].data<T>() + at * z_numel : nullptr,
                    z_bar_all.data<T>() + at * z_numel);
    }
  });
  const T* z_bar = z_bar_all ? z_bar_all.data<T>() : y_bar[0].data<T>();
  Conv2dSize all = unit.conv;
  all.N = N;
  for (std::int64_t d = 0; needs_r && d < D; ++d)
    weight_gradients(all, r_all ? r_all.data<T>() : unit.x.data(), z_bar + d * N * z_numel, saved, d, slots);
  if (!needs_r_bar)
    return;
  if (!unit.loads()) {
    unit.transpose_convolution(D * N, z_bar, slots.x.template beta<T>(), slots.x.dst->template data<T>());
    return;
  }
  Tensor r_bar({D * N, x_numel}, dtype);
  unit.transpose_convolution(D * N, z_bar, T(0), r_bar.data<T>());
  ScratchScope scratch;
  auto* sums = scratch.take<LoadSums>(D * N * C);
  parallel_for(D * N, sample_grain(D * N), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t at = begin; at < end; ++at)
      unit.transpose_load(at % N, r_bar.data<T>() + at * x_numel, slots.x ? slots.x.template beta<T>() : T(0),
                          slots.x ? slots.x.dst->template data<T>() + at * x_numel : nullptr,
                          slots.affine ? sums + at * C : nullptr);
  });
  if (slots.affine)
    put_affine(slots.affine, D, N, C, sums, slots.affine.dst->template data<T>());
}

/// Of direction d, for vjp_by_stages().
template <class T>
void ConvUnit::weight_gradients(const Conv2dSize& conv, const T* r, const T* z_bar, const Saved& saved, std::int64_t d,
                                const Slots& slots) const {
  const auto& kernel = cpu::conv2d_kernel<T>(conv);
  const auto place = [&](const GradSlot& slot, std::size_t input) {
    return slot.dst->template data<T>() + d * saved[input].numel();
  };
  if (pointwise_at_ == kNone)
    return kernel.weight_gradient(conv, r, z_bar, slots.w.template beta<T>(), place(slots.w, w_at_));
  const cpu::FilterSizes sizes{conv.K, saved[w_at_].size(0), conv.C * conv.taps()};
  ScratchScope scratch;
  T* v_bar = scratch.take<T>(conv.w_numel());
  kernel.weight_gradient(conv, r, z_bar, T(0), v_bar);
  if (slots.w)
    filter_gradient(sizes, saved[pointwise_at_].data<T>(), v_bar, slots.w.template beta<T>(), place(slots.w, w_at_));
  if (slots.point)
    point_gradient(sizes, v_bar, saved[w_at_].data<T>(), slots.point.template beta<T>(),
                   place(slots.point, pointwise_at_));
}

void ConvUnit::vjp_scaled(const Saved& saved, std::int64_t D, Inputs y_bar, const Tensor& factor,
                          std::span<GradSlot> x_bar) const {
  visit_float(compute_type(saved[0].dtype()), name(), [&]<class T>() {
    UnitSample<T> unit = sample_of<T>(saved);
    ScratchScope shared;
    const bool composes = composes_vjp(unit, saved[0].size(0));
    if (composes)
      unit = composed(unit, shared);
    unit.pack(true, shared);
    if (composes || (unit.conv_kernel().form == cpu::Conv2dForm::kDense && !unit.w_pointwise)) {
      if (!unit.x.is_narrow())
        return vjp_by_stages(unit, saved, D, y_bar, factor, x_bar);
      Saved wide;
      for (const Tensor& t : saved.tensors)
        wide.keep(t.to(kDTypeOf<T>));
      unit.x = SampleReader<T>(wide[0]);
      return vjp_by_stages(unit, wide, D, y_bar, factor, x_bar);
    }
    with_stage(unit, shared, [&]<class Stage>(const typename Stage::Shared& layouts) {
      vjp_by_samples<Stage>(unit, layouts, saved, D, y_bar, factor, x_bar);
    });
  });
}

}  // namespace ockham
