#include <cmath>

#include "autograd/registry.h"
#include "engine/lanes.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/batch_norm/batch_norm_ref.h"

namespace ockham {
std::vector<Spec> BatchNormEval::infer(std::span<const Spec> x) const {
  check(x);
  return {x[0]};
}

void BatchNormEval::forward(Inputs x, Outputs y, Saved& saved) const {
  const std::int64_t C = x[0].size(1);
  Tensor inverse_s({C}, DType::kFloat64);
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    for (std::int64_t c = 0; c < C; ++c)
      inverse_s.data<double>()[c] = 1.0 / std::sqrt(static_cast<double>(x[mean_input() + 1].data<T>()[c]) + eps_);
  });
  normalise(x, y[0], saved, x[mean_input()].to(DType::kFloat64), inverse_s);
}

/// 2 dgamma <lambda, t>/s
void BatchNormEval::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                              std::span<double> acc) const {
  if (!is_affine_ || !x_dot[0] || !x_dot[kGamma])
    return;
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  visit_float(x_of(saved).dtype(), name(), [&]<class T>() {
    for (std::int64_t d = 0; d < D; ++d) {
      const T* t = x_dot[0].data<T>() + d * x_of(saved).numel();
      acc[static_cast<std::size_t>(d)] += parallel_sum(layout.C, grain_of(layout), [&](auto begin, auto end) {
        double total = 0.0;
        for (std::int64_t c = begin; c < end; ++c) {
          double lambda_t = 0.0;
          for (std::int64_t n = 0; n < layout.N; ++n)
            lambda_t += lane_dot(layout.P, y_bar[0].data<T>() + layout.plane(n, c), t + layout.plane(n, c));
          const auto gamma_dot = static_cast<double>(x_dot[kGamma].data<T>()[d * layout.C + c]);
          total += 2.0 * gamma_dot * lambda_t * inverse_s_of(saved, c);
        }
        return total;
      });
    }
  });
}

/// gamma: sum over directions and samples of <y_bar, xhat>^2; beta: of (sum y_bar)^2.
void BatchNormEval::weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                                    Grouping grouping, Tensor& H) const {
  if (!is_affine_ || (input != kGamma && input != kBeta))
    return BatchNormOp::weight_diagonal(saved, D, y_bar, input, grouping, H);
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  std::vector<double> entries(static_cast<std::size_t>(layout.C));
  visit_float(x_of(saved).dtype(), name(), [&]<class T>() {
    const auto entry = [&](std::int64_t c) {
      double total = 0.0;
      for (std::int64_t row = 0; row < D * layout.N; ++row) {
        const T* x = x_of(saved).data<T>() + layout.plane(row % layout.N, c);
        const T* g = y_bar[0].data<T>() + layout.plane(row, c);
        const cpu::Moments sums = cpu::plane_moments(layout.P, g, x, mean_of(saved, c));
        const double gradient = input == kGamma ? sums.cross * inverse_s_of(saved, c) : sums.sum;
        total += gradient * gradient;
      }
      return total;
    };
    parallel_for(layout.C, grain_of(layout), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c)
        entries[static_cast<std::size_t>(c)] = entry(c);
    });
  });
  for (std::size_t c = 0; c < entries.size(); ++c)
    H.data<double>()[grouping == Grouping::kLayer ? 0 : c] += entries[c];
}

/// h_x = h_y (gamma/s)^2, h_gamma = sum h_y xhat^2, h_beta = sum h_y.
void BatchNormEval::recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const {
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  Tensor to_x = Tensor::zeros(x_of(saved).shape(), x_of(saved).dtype());
  Tensor to_gamma = Tensor::zeros({layout.C}, x_of(saved).dtype());
  Tensor to_beta = Tensor::zeros({layout.C}, x_of(saved).dtype());
  visit_float(x_of(saved).dtype(), name(), [&]<class T>() {
    parallel_for(layout.C, grain_of(layout), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c)
        spread<T>(saved, c, h_y[0].data<T>(), to_x.data<T>(), to_gamma.data<T>()[c], to_beta.data<T>()[c]);
    });
  });
  if (h_x[0])
    h_x[0].add(std::move(to_x));
  if (is_affine_ && h_x[kGamma])
    h_x[kGamma].add(std::move(to_gamma));
  if (is_affine_ && h_x[kBeta])
    h_x[kBeta].add(std::move(to_beta));
}

/// One channel of recursion().
template <class T>
void BatchNormEval::spread(const Saved& saved, std::int64_t c, const T* h, T* to_x, T& to_gamma, T& to_beta) const {
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  const double slope = gamma<T>(saved, c) * inverse_s_of(saved, c);
  double gamma_total = 0.0;
  double beta_total = 0.0;
  for (std::int64_t n = 0; n < layout.N; ++n) {
    for (std::int64_t i = layout.plane(n, c); i < layout.plane(n, c) + layout.P; ++i) {
      const double xhat = (static_cast<double>(x_of(saved).data<T>()[i]) - mean_of(saved, c)) * inverse_s_of(saved, c);
      to_x[i] = static_cast<T>(slope * slope * static_cast<double>(h[i]));
      gamma_total += static_cast<double>(h[i]) * xhat * xhat;
      beta_total += static_cast<double>(h[i]);
    }
  }
  to_gamma = static_cast<T>(gamma_total);
  to_beta = static_cast<T>(beta_total);
}

namespace {

std::vector<Tensor> reference(Inputs x, double eps) {
  const bool is_affine = x.size() == 5;
  const auto values = [](const Tensor& t) {
    return std::vector<double>(t.span<double>().begin(), t.span<double>().end());
  };
  const reference::Statistics statistics{values(x[x.size() - 2]), values(x[x.size() - 1])};
  return {reference::normalised(x[0], is_affine ? &x[1] : nullptr, is_affine ? &x[2] : nullptr, statistics, eps)};
}

auto maker(double eps, bool is_affine) {
  return [=] { return std::make_unique<BatchNormEval>(BatchNormAttrs{eps}, is_affine); };
}

OpSample sample(const char* name, const Shape& x, double eps, bool is_affine) {
  OpSample result{.name = name,
                  .make = maker(eps, is_affine),
                  .inputs = {{.shape = x, .low = -1.0, .high = 2.0}},
                  .reference = [=](Inputs in) { return reference(in, eps); }};
  if (is_affine) {
    result.inputs.insert(result.inputs.end(), 2, {.shape = {x[1]}});
    result.diagonal_inputs = {1, 2};
  }
  result.inputs.push_back({.shape = {x[1]}});
  result.inputs.push_back({.shape = {x[1]}, .low = 0.2, .high = 2.0});
  return result;
}

const Spec kX{{2, 3, 5, 4}, DType::kFloat32};
const Spec kC{{3}, DType::kFloat32};

OCKHAM_REGISTER_OP(
    batch_norm_eval,
    {.name = "batch_norm_eval",
     .samples = {sample("affine", {2, 3, 5, 4}, 1e-5, true), sample("not affine", {3, 2, 4, 5}, 1e-5, false),
                 sample("eps 0.25", {2, 4, 3, 5}, 0.25, true), sample("a matrix", {6, 4}, 1e-3, true)},
     .bad = {{maker(1e-5, false), {{{4}, DType::kFloat32}, kC, kC}, {"batch_norm_eval", "float32[4]", "[N, C, H, W]"}},
             {maker(1e-5, true), {kX, kC, kC, kC, {{1}, DType::kFloat32}}, {"float32[1]", "must be [3]"}},
             {maker(1e-5, false), {kX, kC, {{3}, DType::kUInt8}}, {"uint8[3]", "float32 or float64"}},
             {maker(1e-5, false), {kX, kC}, {"takes 3 inputs, got 2"}},
             {maker(-1.0, false), {kX, kC, kC}, {"eps=-1", "must be >= 0"}}}});

}  // namespace

Variable batch_norm_eval(const Variable& x, const Variable& gamma, const Variable& beta, const Tensor& mean,
                         const Tensor& variance, const BatchNormAttrs& attrs) {
  std::vector<Variable> inputs = batch_norm_inputs(x, gamma, beta);
  const bool is_affine = inputs.size() == 3;
  inputs.insert(inputs.end(), {mean, variance});
  return record_one(std::make_shared<const BatchNormEval>(attrs, is_affine), inputs);
}

}  // namespace ockham
