#include "ops/concrete_gate/concrete_gate.h"

#include <cmath>

#include "engine/error.h"
#include "tests/support.h"

using namespace ockham;

BOOST_AUTO_TEST_SUITE(concrete_gate)

BOOST_AUTO_TEST_CASE(gates_have_the_values_worked_out_by_hand) {
  struct Known {
    double p, u1, u2, drop;
  };
  for (const Known& known : {Known{0.1, 0.3, 0.7, 0.00736710}, Known{0.5, 0.3, 0.7, 0.99772338},
                             Known{0.1, 0.001, 0.9, 0.99995126}, Known{0.9, 0.5, 0.5, 0.99998307}}) {
    const double logit = std::log(known.p) - std::log(1.0 - known.p);
    BOOST_TEST(std::abs(1.0 - concrete_keep(logit, known.u1, known.u2, 0.2) - known.drop) <= 5e-9);
  }
}

// The limit of a small temperature is a Bernoulli variable of probability 1 - p.
BOOST_AUTO_TEST_CASE(cold_gates_drop_as_often_as_their_probability_says) {
  const Tensor x = Tensor::full({4000, 1}, 1.0, DType::kFloat64);
  const Tensor logit = Tensor::full({1}, std::log(0.3 / 0.7), DType::kFloat64);
  const ConcreteGateAttrs attrs{.temperature = 1e-3, .key = {5, Purpose::kTest, 0}};
  const Tensor y = ockham::concrete_gate(x, logit, attrs).value();
  double kept = 0.0;
  for (const double value : y.span<double>())
    kept += value > 0.5 ? 1.0 / 4000.0 : 0.0;
  BOOST_TEST(std::abs(kept - 0.7) <= 0.03);  // four standard errors
}

BOOST_AUTO_TEST_CASE(channels_of_a_group_share_one_gate_where_asked_for) {
  const Tensor x = Tensor::full({2, 3, 2}, 1.0, DType::kFloat64);
  const ConcreteGateAttrs attrs{.key = {5, Purpose::kTest, 0}, .one_per_group = true};
  const Tensor y = ockham::concrete_gate(x, Tensor::zeros({2}, DType::kFloat64), attrs, {0, 1, 0}).value();
  const auto keep = [&](std::int64_t n, std::int64_t c) { return y.data<double>()[(n * 3 + c) * 2]; };
  BOOST_TEST(keep(0, 0) == keep(0, 2));
  BOOST_TEST(keep(1, 0) == keep(1, 2));
  BOOST_TEST(keep(0, 0) != keep(0, 1));
  BOOST_TEST(keep(0, 0) != keep(1, 0));
}

BOOST_AUTO_TEST_CASE(a_temperature_that_is_not_positive_is_refused) {
  const Tensor x = Tensor::full({2, 1}, 1.0);
  BOOST_CHECK_EXCEPTION(ockham::concrete_gate(x, Tensor::full({1}, 0.0), {.temperature = 0.0}), UsageError,
                        (test::Says{{"temperature 0"}}));
}

BOOST_AUTO_TEST_SUITE_END()
