#include "ops/batch_norm/batch_norm.h"

#include <cmath>

#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;
using test::noise;

namespace {

constexpr std::int64_t kN = 3, kC = 4, kP = 10;  // P = 2 * 5
constexpr double kM = kN * kP;
const Shape kShape{kN, kC, 2, 5};

/// Channel 0 ordinary, 1 with gamma = 0, 2 constant, 3 ordinary with a large mean.
Tensor hard_input() {
  Tensor x = noise(kShape, 1);
  for (std::int64_t i = 0; i < x.numel(); ++i) {
    const std::int64_t c = i / kP % kC;
    if (c == 2)
      x.data<double>()[i] = 1.5;
    if (c == 3)
      x.data<double>()[i] += 100.0;
  }
  return x;
}

test::Recorded train_run(const Tensor& x, double eps) {
  return test::Recorded({x, Tensor::from({0.7, 0.0, -1.3, 2.0}, {kC}), noise({kC}, 2)},
                        [=](auto in) { batch_norm_train(in[0], in[1], in[2], {.eps = eps}); });
}

/// sum over a channel of f(i)
template <class F>
double over_channel(std::int64_t c, F f) {
  double total = 0.0;
  for (std::int64_t n = 0; n < kN; ++n) {
    for (std::int64_t i = (n * kC + c) * kP; i < (n * kC + c + 1) * kP; ++i)
      total += f(i);
  }
  return total;
}

/// lambda^T D2 BN[t, t] by differentiating (x - mean) / s twice, before it is made compact (batch_norm_train.cpp):
/// (gamma/s^2) (-2 q <lambda, u> + (3 q^2 - w) g) + 2 dgamma <lambda, (u - q xhat)/s>, with u = t - mean(t),
/// q = mean(xhat t), w = mean(u^2), g = <lambda, xhat>
double first_form(const Tensor& x_tensor, const Tensor& gamma, double eps, const Tensor& lambda_tensor,
                  const Tensor& t_tensor, const Tensor& gamma_dot) {
  const double* x = x_tensor.data<double>();
  const double* lambda = lambda_tensor.data<double>();
  const double* t = t_tensor.data<double>();
  double total = 0.0;
  for (std::int64_t c = 0; c < kC; ++c) {
    const double mean = over_channel(c, [&](auto i) { return x[i]; }) / kM;
    const double t_mean = over_channel(c, [&](auto i) { return t[i]; }) / kM;
    const double s = std::sqrt(over_channel(c, [&](auto i) { return (x[i] - mean) * (x[i] - mean); }) / kM + eps);
    const auto xhat = [&](auto i) { return (x[i] - mean) / s; };
    const auto u = [&](auto i) { return t[i] - t_mean; };
    const double q = over_channel(c, [&](auto i) { return xhat(i) * t[i]; }) / kM;
    const double w = over_channel(c, [&](auto i) { return u(i) * u(i); }) / kM;
    const double g = over_channel(c, [&](auto i) { return lambda[i] * xhat(i); });
    const double lambda_u = over_channel(c, [&](auto i) { return lambda[i] * u(i); });
    total += gamma.data<double>()[c] / (s * s) * (-2.0 * q * lambda_u + (3.0 * q * q - w) * g);
    total += 2.0 * gamma_dot.data<double>()[c] * (lambda_u - q * g) / s;
  }
  return total;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(batch_norm)

BOOST_AUTO_TEST_CASE(compact_curvature_equals_the_first_form) {
  const Tensor x = hard_input();
  const Tensor gamma = Tensor::from({0.7, 0.0, -1.3, 2.0}, {kC});
  for (double eps : {1e-5, 0.25}) {
    const test::Recorded run = train_run(x, eps);
    const Tensor lambda = noise(kShape, 3);
    const Tensor t = noise(kShape, 4);
    const Tensor gamma_dot = noise({kC}, 5);
    const double expected = first_form(x, gamma, eps, lambda, t, gamma_dot);
    const double result = run.curvature(1, lambda, {t, gamma_dot, noise({kC}, 6)})[0];
    BOOST_TEST(std::abs(result - expected) < 1e-12 * std::abs(expected));
    const double still = first_form(x, gamma, eps, lambda, t, Tensor::zeros({kC}, DType::kFloat64));
    BOOST_TEST(std::abs(run.curvature(1, lambda, {t})[0] - still) < 1e-12 * std::abs(still));
  }
}

BOOST_AUTO_TEST_CASE(a_constant_shift_moves_nothing) {
  const test::Recorded run = train_run(hard_input(), 1e-5);
  const Tensor ones = Tensor::full(kShape, 1.0, DType::kFloat64);
  BOOST_TEST(max_abs(run.jvp(1, {ones})) < 1e-12);
  BOOST_TEST(std::abs(run.curvature(1, noise(kShape, 3), {ones})[0]) < 1e-10);
}

BOOST_AUTO_TEST_CASE(without_eps_stretching_the_input_moves_nothing) {
  const Tensor x = noise(kShape, 7);
  const test::Recorded run = train_run(x, 0.0);
  Tensor stretch = x.clone();  // x - mean
  for (std::int64_t c = 0; c < kC; ++c) {
    const double mean = over_channel(c, [&](auto i) { return x.data<double>()[i]; }) / kM;
    over_channel(c, [&](auto i) { return stretch.data<double>()[i] -= mean; });
  }
  BOOST_TEST(max_abs(run.jvp(1, {stretch})) < 1e-14);
  BOOST_TEST(std::abs(run.curvature(1, noise(kShape, 3), {stretch})[0]) < 1e-13);
}

BOOST_AUTO_TEST_CASE(input_cotangents_sum_to_zero_and_are_orthogonal_to_the_input) {
  const Tensor x = noise(kShape, 7);
  const Tensor x_bar = train_run(x, 0.0).vjp(1, noise(kShape, 3))[0];
  for (std::int64_t c = 0; c < kC; ++c) {
    BOOST_TEST(std::abs(over_channel(c, [&](auto i) { return x_bar.data<double>()[i]; })) < 1e-13);
    BOOST_TEST(std::abs(over_channel(c, [&](auto i) { return x_bar.data<double>()[i] * x.data<double>()[i]; })) <
               1e-13);
  }
}

BOOST_AUTO_TEST_CASE(a_single_value_per_channel_gives_beta_and_no_tangent) {
  const Tensor beta = noise({5}, 2);
  const test::Recorded run({noise({1, 5}, 1), noise({5}, 3), beta},
                           [](auto in) { batch_norm_train(in[0], in[1], in[2]); });
  const BatchNormResult result = batch_norm_train(noise({1, 5}, 1), noise({5}, 3), beta);
  BOOST_TEST(test::difference(result.y.value().reshape({5}), beta) == 0.0);
  BOOST_TEST(max_abs(result.variance) == 0.0);
  BOOST_TEST(max_abs(run.jvp(1, {noise({1, 5}, 4)})) == 0.0);
  BOOST_TEST(max_abs(run.vjp(1, noise({1, 5}, 5))[0]) == 0.0);
}

BOOST_AUTO_TEST_CASE(eval_with_the_statistics_of_the_batch_equals_train) {
  const Tensor x = hard_input();
  const Tensor gamma = noise({kC}, 3);
  const Tensor beta = noise({kC}, 4);
  const BatchNormResult train = batch_norm_train(x, gamma, beta);
  const Variable eval = batch_norm_eval(x, gamma, beta, train.mean, train.variance);
  BOOST_TEST(test::difference(eval.value(), train.y.value()) == 0.0);
}

BOOST_AUTO_TEST_CASE(not_affine_equals_gamma_one_and_beta_zero) {
  const Tensor x = hard_input();
  const Tensor one = Tensor::full({kC}, 1.0, DType::kFloat64);
  const Tensor zero = Tensor::zeros({kC}, DType::kFloat64);
  BOOST_TEST(test::difference(batch_norm_train(x, {}, {}).y.value(), batch_norm_train(x, one, zero).y.value()) == 0.0);
  BOOST_TEST(test::difference(batch_norm_eval(x, {}, {}, zero, one).value(),
                              batch_norm_eval(x, one, zero, zero, one).value()) == 0.0);
}

BOOST_AUTO_TEST_CASE(variance_survives_a_mean_a_million_times_larger) {
  Tensor x({64, 1, 8, 8}, DType::kFloat32);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data<float>()[i] = 1e6f + (i % 2 ? 1.0f : -1.0f);
  const BatchNormResult result = batch_norm_train(x, {}, {}, {.eps = 0.0});
  BOOST_TEST(result.mean.item() == 1e6);
  BOOST_TEST(result.variance.item() == 1.0);
  BOOST_TEST(max_abs(result.y.value()) == 1.0);
}

BOOST_AUTO_TEST_CASE(gamma_without_beta_is_refused) {
  const Tensor x = hard_input();
  BOOST_CHECK_EXCEPTION(batch_norm_train(x, noise({kC}, 1), {}), Error, (test::Says{{"gamma is given without beta"}}));
  BOOST_CHECK_EXCEPTION(batch_norm_train(x, {}, noise({kC}, 1)), Error, (test::Says{{"beta is given without gamma"}}));
}

BOOST_AUTO_TEST_CASE(a_cotangent_of_the_statistics_is_refused) {
  const test::Recorded run = train_run(hard_input(), 1e-5);
  const std::vector<Tensor> y_bar{{}, noise({kC}, 1), {}};
  std::vector<GradSlot> slots(3);
  BOOST_CHECK_EXCEPTION(run.op().vjp(run.saved(), 1, y_bar, slots), Error,
                        (test::Says{{"batch_norm_train", "output 1", "no derivative"}}));
}

BOOST_AUTO_TEST_SUITE_END()
