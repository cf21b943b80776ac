// Golden numbers: K = 16, p = 0.1, |m|^2 = 2, l^2 = 150, N = 5e5, r = 1, computed independently in float64.
#include "nas/bayes/dropout/variational_dropout.h"

#include <cmath>

#include "engine/error.h"
#include "engine/math.h"
#include "tests/support.h"

using namespace ockham;
using nas::DropoutPrior;
using nas::GatedGroup;

namespace {

/// Two kernels of one group beside a group without kernels, their logits in one tensor.
struct Groups {
  Groups() {
    for (Parameter* kernel : {&first, &second})
      fill_normal(kernel->value, {8, Purpose::kTest, kernel == &first ? 0u : 1u});
  }
  std::vector<GatedGroup> list() {
    return {{.logit = &logits, .entry = 2, .kernels = {&first, &second}, .keep = &five},
            {.logit = &logits, .entry = 0, .constant_square = 3.0, .keep = &one}};
  }
  Parameter first{.name = "first", .value = Tensor({4, 5, 3, 3}, DType::kFloat64)};
  Parameter second{.name = "second", .value = Tensor({2, 5, 1, 1}, DType::kFloat64)};
  Parameter logits{.name = "logits", .value = Tensor::from({0.3, 9.0, -1.7}, {3}), .kind = ParameterKind::kSwitch};
  std::vector<double> five = std::vector<double>(5, 1.0), one{1.0};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(variational_dropout)

BOOST_AUTO_TEST_CASE(divergence_has_the_values_worked_out_by_hand) {
  const double logit = nas::drop_logit(0.1);
  const nas::DropoutDivergence program = nas::dropout_divergence(2.0, 16, logit, {});
  BOOST_TEST(std::abs(program.value - 5.2959734485e-04) <= 5e-15);  // the numbers have eleven digits
  BOOST_TEST(std::abs(program.by_logit + 6.0328006783e-05) <= 5e-16);
  BOOST_TEST(std::abs(nas::dropout_divergence(2.0, 16, logit, {.kl_half = true}).value - 2.5959734485e-04) <= 5e-15);
}

BOOST_AUTO_TEST_CASE(gradients_are_those_of_central_differences) {
  for (const bool half : {false, true}) {
    Groups groups;
    const DropoutPrior prior{.precision = 3.0, .examples = 20.0, .entropy_weight = 0.7, .kl_half = half};
    const std::vector<GatedGroup> list = groups.list();
    nas::add_dropout_divergence(list, prior);
    constexpr double kStep = 1e-5;
    for (Parameter* parameter : {&groups.first, &groups.second, &groups.logits}) {
      for (std::int64_t i = 0; i < parameter->value.numel(); ++i) {
        double& value = parameter->value.data<double>()[i];
        const auto moved = [&](double by) {
          const double was = std::exchange(value, value + by);
          const double result = nas::dropout_divergence(list, prior);
          value = was;
          return result;
        };
        const double difference = (moved(kStep) - moved(-kStep)) / (2.0 * kStep);
        BOOST_TEST(std::abs(parameter->grad.data<double>()[i] - difference) <= 1e-9);
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(gradients_are_added_to_what_is_there) {
  Groups fresh, full;
  full.first.grad = Tensor::full(full.first.value.shape(), 2.0, DType::kFloat64);
  nas::add_dropout_divergence(fresh.list(), {.examples = 10.0});
  nas::add_dropout_divergence(full.list(), {.examples = 10.0});
  for (std::int64_t i = 0; i < full.first.grad.numel(); ++i)
    BOOST_TEST(std::abs(full.first.grad.data<double>()[i] - fresh.first.grad.data<double>()[i] - 2.0) <= 1e-12);
}

BOOST_AUTO_TEST_CASE(stays_finite_where_a_probability_is_all_but_0_or_1) {
  for (const double logit : {-800.0, 800.0}) {
    const nas::DropoutDivergence divergence = nas::dropout_divergence(2.0, 16, logit, {});
    BOOST_TEST(std::abs(divergence.value - (logit < 0.0 ? 2.0 * 150.0 / 5e5 : 0.0)) <= 1e-15);
    BOOST_TEST(divergence.by_logit == 0.0);
  }
}

BOOST_AUTO_TEST_CASE(refuses_a_prior_that_is_none) {
  Groups groups;
  BOOST_CHECK_EXCEPTION(nas::dropout_divergence(groups.list(), {.examples = 0.0}), UsageError,
                        (test::Says{{"0 examples", "more than 0"}}));
  BOOST_CHECK_THROW(nas::drop_logit(1.0), UsageError);
}

BOOST_AUTO_TEST_SUITE_END()
