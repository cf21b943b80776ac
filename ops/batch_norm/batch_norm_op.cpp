#include "ops/batch_norm/batch_norm_op.h"

#include "ops/infer.h"

namespace ockham {

std::vector<Variable> batch_norm_inputs(const Variable& x, const Variable& gamma, const Variable& beta) {
  if (gamma.value().is_defined() != beta.value().is_defined())
    throw Error(concat("batch_norm: ", gamma.value() ? "gamma" : "beta", " is given without ",
                       gamma.value() ? "beta" : "gamma", "; give both, or neither for a norm that is not affine."));
  if (!gamma.value())
    return {x};
  return {x, gamma, beta};
}

std::string BatchNormOp::attrs() const {
  return concat("eps=", eps_, is_affine_ ? " affine" : "");
}

void BatchNormOp::check(std::span<const Spec> x) const {
  require_float(*this, x);
  const Shape& shape = x[0].shape;
  if (shape.rank() != 2 && shape.rank() != 4)
    throw ShapeError(describe(*this, x) + ": x must be [N, C] or [N, C, H, W].");
  for (const Spec& spec : x.subspan(1)) {
    if (spec.shape != Shape{shape[1]})
      throw ShapeError(concat(describe(*this, x), ": parameters and statistics must be [", shape[1],
                              "], one value per channel of x."));
  }
  if (!(eps_ >= 0.0))
    throw UsageError(describe(*this, x) + ": eps must be >= 0.");
}

cpu::ChannelLayout BatchNormOp::layout_of(const Tensor& x) {
  return {x.size(0), x.size(1), x.rank() == 4 ? x.size(2) * x.size(3) : 1};
}

std::int64_t BatchNormOp::grain_of(const cpu::ChannelLayout& layout) {
  return std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, layout.values_per_channel()));
}

void BatchNormOp::normalise(Inputs x, Tensor& y, Saved& saved, const Tensor& mean, const Tensor& inverse_s) const {
  saved.keep(x[0], mean, inverse_s);
  if (is_affine_)
    saved.keep(x[kGamma]);
  const cpu::ChannelLayout layout = layout_of(x[0]);
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    parallel_for(layout.C, grain_of(layout), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const cpu::Blend blend{.centred = gamma<T>(saved, c) * inverse_s_of(saved, c),
                               .mean = mean_of(saved, c),
                               .constant = is_affine_ ? static_cast<double>(x[kBeta].data<T>()[c]) : 0.0};
        cpu::blend_channel<T>(layout, c, blend, nullptr, x[0].data<T>(), y.data<T>(), false);
      }
    });
  });
}

void BatchNormOp::vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const {
  for (std::size_t i = 1; i < y_bar.size(); ++i) {
    if (y_bar[i])
      throw Error(
          concat(name(), ": output ", i, ", a statistic of the batch, has no derivative; use it as a constant."));
  }
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  const auto m = static_cast<double>(layout.values_per_channel());
  const GradSlot gamma_slot = is_affine_ ? x_bar[kGamma] : GradSlot{};
  const GradSlot beta_slot = is_affine_ ? x_bar[kBeta] : GradSlot{};
  const bool needs_moments = gamma_slot || beta_slot || uses_batch_;
  visit_float(x_of(saved).dtype(), name(), [&]<class T>() {
    const auto put = [](const GradSlot& slot, std::int64_t at, double value) {
      T& target = slot.dst->data<T>()[at];
      target = static_cast<T>(slot.accumulate ? static_cast<double>(target) + value : value);
    };
    const auto channel = [&](std::int64_t d, std::int64_t c) {
      const std::int64_t shift = d * x_of(saved).numel();
      const T* x = x_of(saved).data<T>();
      const T* g = y_bar[0].data<T>() + shift;
      const double inverse_s = inverse_s_of(saved, c);
      cpu::Moments sums;
      if (needs_moments)
        sums = cpu::channel_moments(layout, c, g, x, mean_of(saved, c));
      if (x_bar[0]) {
        cpu::Blend blend{.direct = gamma<T>(saved, c) * inverse_s, .mean = mean_of(saved, c)};
        if (uses_batch_) {
          blend.centred = -blend.direct * inverse_s * inverse_s * sums.cross / m;
          blend.constant = -blend.direct * sums.sum / m;
        }
        cpu::blend_channel(layout, c, blend, g, uses_batch_ ? x : nullptr, x_bar[0].dst->data<T>() + shift,
                           x_bar[0].accumulate);
      }
      if (gamma_slot)
        put(gamma_slot, d * layout.C + c, sums.cross * inverse_s);
      if (beta_slot)
        put(beta_slot, d * layout.C + c, sums.sum);
    };
    parallel_for(D * layout.C, grain_of(layout), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task)
        channel(task / layout.C, task % layout.C);
    });
  });
}

void BatchNormOp::jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const {
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  const auto m = static_cast<double>(layout.values_per_channel());
  const bool moves_gamma = is_affine_ && x_dot[kGamma];
  const bool moves_beta = is_affine_ && x_dot[kBeta];
  visit_float(x_of(saved).dtype(), name(), [&]<class T>() {
    const auto channel = [&](std::int64_t d, std::int64_t c) {
      const std::int64_t shift = d * x_of(saved).numel();
      const T* x = x_of(saved).data<T>();
      const T* t = x_dot[0] ? x_dot[0].data<T>() + shift : nullptr;
      const double inverse_s = inverse_s_of(saved, c);
      cpu::Blend blend{.direct = gamma<T>(saved, c) * inverse_s, .mean = mean_of(saved, c)};
      if (t != nullptr && uses_batch_) {
        const cpu::Moments sums = cpu::channel_moments(layout, c, t, x, mean_of(saved, c));
        blend.centred = -blend.direct * inverse_s * inverse_s * sums.cross / m;
        blend.constant = -blend.direct * sums.sum / m;
      }
      if (moves_gamma)
        blend.centred += static_cast<double>(x_dot[kGamma].data<T>()[d * layout.C + c]) * inverse_s;
      if (moves_beta)
        blend.constant += static_cast<double>(x_dot[kBeta].data<T>()[d * layout.C + c]);
      const bool reads_x = t == nullptr || moves_gamma || uses_batch_;
      cpu::blend_channel(layout, c, blend, t, reads_x ? x : nullptr, y_dot[0].data<T>() + shift, false);
    };
    parallel_for(D * layout.C, grain_of(layout), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t task = begin; task < end; ++task)
        channel(task / layout.C, task % layout.C);
    });
  });
  for (std::size_t i = 1; i < y_dot.size(); ++i)
    y_dot[i] = Tensor::zeros(y_dot[i].shape(), y_dot[i].dtype());
}

}  // namespace ockham
