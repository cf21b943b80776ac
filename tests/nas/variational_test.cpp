// Golden numbers: three Vadam steps on (a - 1)^2, computed independently in float64.
#include "nas/bayes/variational.h"

#include <cmath>

#include "autograd/optim/adam.h"
#include "engine/error.h"
#include "tests/support.h"

using namespace ockham;
using nas::VariationalOptions;
using nas::VariationalPosterior;
using nas::VariationalRule;
using test::Says;

namespace {

Parameter parameter(const std::vector<double>& values) {
  return {.name = "alpha",
          .value = Tensor::from(values, {static_cast<std::int64_t>(values.size())}),
          .kind = ParameterKind::kSwitch};
}

void set_grad(Parameter& p, double value) {
  p.grad = Tensor::full(p.value.shape(), value, DType::kFloat64);
}

/// The draw as the golden numbers have it: their eps are given.
void put_draw(Parameter& p, const VariationalPosterior& q, double eps) {
  p.value.data<double>()[0] = q.mean()[0] + q.sigma()[0] * eps;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(variational)

BOOST_AUTO_TEST_CASE(vadam_takes_the_three_steps_worked_out_by_hand) {
  Parameter p = parameter({0.0});
  VariationalPosterior q({&p}, {});
  struct Step {
    double eps, a, mean, sigma_after;
  };
  for (const Step& step :
       {Step{0.5, 0.5, 0.000299988000, 0.1961161351}, Step{-1.0, -0.1958161471, 0.000615430882, 0.0769293076},
        Step{2.0, 0.1544740461, 0.000916326179, 0.0645099446}}) {
    put_draw(p, q, step.eps);
    const double a = p.value.data<double>()[0];
    BOOST_TEST(std::abs(a - step.a) <= 5e-11);  // the numbers have ten digits
    set_grad(p, 2.0 * (a - 1.0));
    q.accumulate();
    q.step(3e-4);
    BOOST_TEST(std::abs(q.mean()[0] - step.mean) <= 5e-13);
    BOOST_TEST(std::abs(q.sigma()[0] - step.sigma_after) <= 5e-11);
    BOOST_TEST(p.value.data<double>()[0] == q.mean()[0]);
  }
}

BOOST_AUTO_TEST_CASE(without_noise_and_with_a_vanishing_prior_vadam_is_adam) {
  Parameter p = parameter({0.3, -0.7}), reference = parameter({0.3, -0.7});
  VariationalPosterior q({&p}, {.prior_precision = 1e-12, .initial_precision = 1e-12});
  Adam adam({&reference}, {.beta1 = 0.5, .beta2 = 0.999, .epsilon = 0.0});
  for (int step = 0; step < 100; ++step) {
    for (Parameter* each : {&p, &reference}) {
      each->grad = Tensor(each->value.shape(), DType::kFloat64);
      for (std::int64_t i = 0; i < 2; ++i)
        each->grad.data<double>()[i] = std::sin(each->value.data<double>()[i] * 3.0) + 0.1 * step;
    }
    q.accumulate();
    q.step(0.01);
    adam.step(0.01);
  }
  for (std::int64_t i = 0; i < 2; ++i)
    BOOST_TEST(std::abs(p.value.data<double>()[i] - reference.value.data<double>()[i]) <= 1e-12);
}

// f = c/2 (a - b)^2: mu* = N c b / (N c + delta), 1/sigma*^2 = N c + delta. Vadam's sigma differs, since its curvature
// is a squared gradient.
BOOST_AUTO_TEST_CASE(von_ends_at_the_exact_posterior_of_a_quadratic) {
  const double c = 0.02, b = 1.5, N = 100.0, delta = 0.5;
  Parameter p = parameter({0.0});
  VariationalPosterior q({&p}, {.rule = VariationalRule::kNewton,
                                .examples = N,
                                .prior_precision = delta,
                                .initial_precision = delta,
                                .beta1 = 0.0,
                                .beta2 = 0.9});
  for (int step = 0; step < 400; ++step) {
    set_grad(p, c * (p.value.data<double>()[0] - b));
    q.accumulate({Tensor::full({1}, c, DType::kFloat64)});
    q.step(0.1);
  }
  BOOST_TEST(std::abs(q.mean()[0] - N * c * b / (N * c + delta)) <= 1e-9);
  BOOST_TEST(std::abs(q.sigma()[0] - 1.0 / std::sqrt(N * c + delta)) <= 1e-9);
}

BOOST_AUTO_TEST_CASE(a_natural_step_of_full_length_reaches_a_quadratics_posterior_at_once) {
  const double c = 0.02, b = 1.5, N = 100.0, delta = 0.5;
  Parameter p = parameter({-3.0});
  VariationalPosterior q({&p}, {.rule = VariationalRule::kNewton,
                                .examples = N,
                                .prior_precision = delta,
                                .initial_precision = delta,
                                .beta1 = 0.0,
                                .beta2 = 0.0});
  set_grad(p, c * (-3.0 - b));
  q.accumulate({Tensor::full({1}, c, DType::kFloat64)});
  q.step(1.0);
  BOOST_TEST(std::abs(q.mean()[0] - N * c * b / (N * c + delta)) <= 1e-14);
  BOOST_TEST(std::abs(q.sigma()[0] - 1.0 / std::sqrt(N * c + delta)) <= 1e-14);
}

BOOST_AUTO_TEST_CASE(the_prior_alone_has_no_divergence_and_a_strong_one_pins_the_posterior) {
  Parameter p = parameter({0.0, 0.0});
  BOOST_TEST(std::abs(VariationalPosterior({&p}, {}).divergence()) <= 1e-15);
  Parameter far = parameter({2.0});
  VariationalPosterior q({&far}, {.prior_precision = 1e8, .initial_precision = 1e8});
  for (int step = 0; step < 3000; ++step) {
    set_grad(far, 0.1);
    q.accumulate();
    q.step(0.01);
  }
  BOOST_TEST(std::abs(q.mean()[0]) <= 1e-3);
  BOOST_TEST(std::abs(q.sigma()[0] - 1e-4) <= 1e-7);
}

BOOST_AUTO_TEST_CASE(several_draws_are_averaged) {
  Parameter p = parameter({0.0}), one = parameter({0.0});
  VariationalPosterior several({&p}, {}), single({&one}, {});
  for (const double g : {1.0, 3.0}) {
    set_grad(p, g);
    several.accumulate();
  }
  set_grad(one, 2.0);
  single.accumulate();
  several.step(3e-4);
  single.step(3e-4);
  // The same mean gradient, (1 + 9)/2 = 5 against 4 for its square: the first step is m / sqrt(square).
  BOOST_TEST(std::abs(several.mean()[0] / single.mean()[0] - std::sqrt(4.0 / 5.0)) <= 1e-5);
}

BOOST_AUTO_TEST_CASE(a_draw_has_the_mean_and_width_of_the_posterior) {
  Parameter p = parameter(std::vector<double>(4000, 0.25));
  const VariationalPosterior q({&p}, {.prior_precision = 4.0, .initial_precision = 4.0});
  double sum = 0.0, squares = 0.0;
  for (const double value : q.draw({3, Purpose::kArchitecture, 1})) {
    sum += value / 4000.0;
    squares += (value - 0.25) * (value - 0.25) / 4000.0;
  }
  BOOST_TEST(std::abs(sum - 0.25) <= 0.03);  // four standard errors of 0.5 / sqrt(4000)
  BOOST_TEST(std::abs(std::sqrt(squares) - 0.5) <= 0.025);
}

BOOST_AUTO_TEST_CASE(goes_on_from_saved_state_with_the_same_bits) {
  Parameter p = parameter({0.1, 0.2});
  VariationalPosterior q({&p}, {});
  const auto advance = [](Parameter& at, VariationalPosterior& posterior, std::uint64_t step) {
    posterior.perturb({7, Purpose::kArchitecture, step});
    at.grad = at.value.clone();
    posterior.accumulate();
    posterior.step(0.01);
  };
  advance(p, q, 0);
  Parameter other = parameter({9.0, 9.0});
  VariationalPosterior resumed({&other}, {});
  resumed.load(q.state());
  resumed.restore();
  advance(p, q, 1);
  advance(other, resumed, 1);
  BOOST_TEST(q.mean() == resumed.mean());
  BOOST_TEST(q.sigma() == resumed.sigma());
}

BOOST_AUTO_TEST_CASE(refuses_what_makes_no_posterior) {
  Parameter p = parameter({0.0});
  BOOST_CHECK_EXCEPTION(VariationalPosterior({&p}, {.prior_precision = 2.0}), UsageError,
                        (Says{{"initial precision 1", "initial >= prior"}}));
  VariationalPosterior q({&p}, {});
  BOOST_CHECK_EXCEPTION(q.step(0.1), Error, (Says{{"accumulate"}}));
  BOOST_CHECK_EXCEPTION(q.accumulate(), Error, (Says{{"alpha", "no gradient"}}));
  set_grad(p, 1.0);
  BOOST_CHECK_EXCEPTION(q.accumulate({Tensor::full({1}, 1.0, DType::kFloat64)}), Error, (Says{{"got 1 curvatures"}}));
}

BOOST_AUTO_TEST_SUITE_END()
