// Second derivative of train-mode batch norm. Per channel, with m values, s = sqrt(var + eps)
// and xhat = (x - mean)/s, along x + tau t: with u = t - mean(t), q = mean(xhat t), w = mean(u^2),
//   s' = q, s'' = (w - q^2)/s, xhat' = (u - q xhat)/s, xhat'' = [-2 q u + (3 q^2 - w) xhat] / s^2
// because s^2 = mean((x - mean)^2) + eps. Hence, with g = <lambda, xhat>,
//   lambda^T D2[t, t] = (gamma/s^2) (-2 q <lambda, u> + (3 q^2 - w) g).
// The input's cotangent lambda_x = J lambda gives <lambda, u> = (s/gamma) <lambda_x, t> + q g; collecting q^2,
//   lambda^T D2[t, t] = -(1/(m s)) (g <t, J t> + 2 <xhat, t> <lambda_x, t>),
// which gamma = 0 does not hurt. A direction in gamma as well adds 2 dgamma <lambda, xhat'>; beta enters linearly.
#include <cmath>

#include "autograd/registry.h"
#include "engine/lanes.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/batch_norm/batch_norm_ref.h"

namespace ockham {
namespace {

template <class T>
double channel_dot(const cpu::ChannelLayout& layout, std::int64_t c, const T* a, const T* b) {
  double total = 0.0;
  for (std::int64_t n = 0; n < layout.N; ++n)
    total += lane_dot(layout.P, a + layout.plane(n, c), b + layout.plane(n, c));
  return total;
}

}  // namespace

std::vector<Spec> BatchNormTrain::infer(std::span<const Spec> x) const {
  check(x);
  if (x[0].shape.numel() == 0)
    throw ShapeError(describe(*this, x) + ": there is no mean of an empty batch; give at least one value per channel.");
  const Spec statistic{{x[0].shape[1]}, x[0].dtype};
  return {x[0], statistic, statistic};
}

/// y, and the batch's mean and biased variance.
void BatchNormTrain::forward(Inputs x, Outputs y, Saved& saved) const {
  const cpu::ChannelLayout layout = layout_of(x[0]);
  const auto m = static_cast<double>(layout.values_per_channel());
  Tensor mean({layout.C}, DType::kFloat64);
  Tensor inverse_s({layout.C}, DType::kFloat64);
  visit_float(x[0].dtype(), name(), [&]<class T>() {
    const T* in = x[0].data<T>();
    parallel_for(layout.C, grain_of(layout), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const double centre = cpu::channel_sum(layout, c, in) / m;
        const double variance = cpu::channel_squares(layout, c, in, centre) / m;
        mean.data<double>()[c] = centre;
        inverse_s.data<double>()[c] = 1.0 / std::sqrt(variance + eps_);
        y[1].data<T>()[c] = static_cast<T>(centre);
        y[2].data<T>()[c] = static_cast<T>(variance);
      }
    });
  });
  normalise(x, y[0], saved, mean, inverse_s);
}

void BatchNormTrain::curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot,
                               Inputs y_dot, std::span<double> acc) const {
  if (!x_dot[0])
    return;  // affine in gamma and beta
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  std::vector<double> parts(static_cast<std::size_t>(layout.C * D));
  visit_float(x_of(saved).dtype(), name(), [&]<class T>() {
    parallel_for(layout.C, grain_of(layout), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t c = begin; c < end; ++c) {
        const cpu::Moments lambda =
            cpu::channel_moments(layout, c, y_bar[0].data<T>(), x_of(saved).data<T>(), mean_of(saved, c));
        for (std::int64_t d = 0; d < D; ++d)
          parts[static_cast<std::size_t>(c * D + d)] =
              channel_curvature<T>(saved, c, d, lambda, y_bar[0], x_bar[0], x_dot, y_dot[0]);
      }
    });
  });
  for (std::size_t i = 0; i < parts.size(); ++i)
    acc[i % acc.size()] += parts[i];
}

/// lambda: sum of y_bar and of y_bar * (x - mean).
template <class T>
double BatchNormTrain::channel_curvature(const Saved& saved, std::int64_t c, std::int64_t d, const cpu::Moments& lambda,
                                         const Tensor& y_bar, const Tensor& x_bar, Inputs x_dot,
                                         const Tensor& y_dot) const {
  const cpu::ChannelLayout layout = layout_of(x_of(saved));
  const auto m = static_cast<double>(layout.values_per_channel());
  const double inverse_s = inverse_s_of(saved, c);
  const T* t = x_dot[0].data<T>() + d * x_of(saved).numel();
  const auto parameter_dot = [&](std::size_t input) {
    const bool moves = is_affine_ && x_dot[input];
    return moves ? static_cast<double>(x_dot[input].data<T>()[d * layout.C + c]) : 0.0;
  };
  const double gamma_dot = parameter_dot(kGamma);
  const cpu::Moments tangent = cpu::channel_moments(layout, c, t, x_of(saved).data<T>(), mean_of(saved, c));
  const double xhat_t = tangent.cross * inverse_s;
  const double g = lambda.cross * inverse_s;
  // y_dot = J t + gamma_dot xhat + beta_dot
  const double t_Jt = channel_dot(layout, c, t, y_dot.data<T>() + d * x_of(saved).numel()) - gamma_dot * xhat_t -
                      parameter_dot(kBeta) * tangent.sum;
  const double lambda_x_t = channel_dot(layout, c, x_bar.data<T>(), t);
  double result = -inverse_s / m * (g * t_Jt + 2.0 * xhat_t * lambda_x_t);
  if (gamma_dot != 0.0) {
    const double lambda_t = channel_dot(layout, c, y_bar.data<T>(), t);
    result += 2.0 * gamma_dot * inverse_s * (lambda_t - lambda.sum * tangent.sum / m - g * xhat_t / m);
  }
  return result;
}

namespace {

std::vector<Tensor> reference(Inputs x, double eps) {
  const reference::Statistics statistics = reference::batch_statistics(x[0]);
  const bool is_affine = x.size() == 3;
  return {reference::normalised(x[0], is_affine ? &x[1] : nullptr, is_affine ? &x[2] : nullptr, statistics, eps),
          Tensor::from(statistics.mean, {x[0].size(1)}), Tensor::from(statistics.variance, {x[0].size(1)})};
}

auto maker(double eps, bool is_affine) {
  return [=] { return std::make_unique<BatchNormTrain>(BatchNormAttrs{eps}, is_affine); };
}

OpSample sample(const char* name, const Shape& x, double eps, bool is_affine) {
  OpSample result{.name = name,
                  .make = maker(eps, is_affine),
                  .inputs = {{.shape = x, .low = -1.0, .high = 2.0}},
                  .reference = [=](Inputs in) { return reference(in, eps); }};
  if (is_affine)
    result.inputs.insert(result.inputs.end(), 2, {.shape = {x[1]}});
  return result;
}

const Spec kX{{2, 3, 5, 4}, DType::kFloat32};
const Spec kC{{3}, DType::kFloat32};

OCKHAM_REGISTER_OP(
    batch_norm_train,
    {.name = "batch_norm_train",
     .samples = {sample("affine", {2, 3, 5, 4}, 1e-5, true), sample("not affine", {3, 2, 4, 5}, 1e-5, false),
                 sample("eps 0.25", {2, 4, 3, 5}, 0.25, true), sample("a matrix", {6, 4}, 1e-3, true),
                 sample("one value per channel", {1, 3, 1, 1}, 1e-3, true)},
     .bad = {
         {maker(1e-5, false), {{{4, 3, 5}, DType::kFloat32}}, {"batch_norm_train", "float32[4,3,5]", "[N, C, H, W]"}},
         {maker(1e-5, false), {{{0, 3}, DType::kFloat32}}, {"float32[0,3]", "empty batch"}},
         {maker(1e-5, true), {kX, kC, {{4}, DType::kFloat32}}, {"float32[4]", "must be [3]"}},
         {maker(1e-5, true), {kX, kC, {{3}, DType::kFloat64}}, {"float64[3]", "one of them for all inputs"}},
         {maker(1e-5, true), {kX}, {"takes 3 inputs, got 1"}},
         {maker(-1.0, false), {kX}, {"eps=-1", "must be >= 0"}}}});

}  // namespace

BatchNormResult batch_norm_train(const Variable& x, const Variable& gamma, const Variable& beta,
                                 const BatchNormAttrs& attrs) {
  const std::vector<Variable> inputs = batch_norm_inputs(x, gamma, beta);
  const std::vector<Variable> outputs =
      record(std::make_shared<const BatchNormTrain>(attrs, inputs.size() == 3), inputs);
  return {outputs[0], outputs[1].value(), outputs[2].value()};
}

}  // namespace ockham
