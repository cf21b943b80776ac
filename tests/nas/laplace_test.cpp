// Golden numbers G1 to G3 were computed independently in float64 for the update tables of the authors' supplement.
#include "nas/bayes/laplace.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "nas/bayes/entropy.h"
#include "nas/bayes/sparse_prior.h"
#include "tests/support.h"

using namespace ockham::nas;
using ockham::test::Says;

namespace {

constexpr double kExact = 1e-12;  // the golden numbers are printed with 16 digits

const LaplaceOptions kCodeOrder{.order = UpdateOrder::kCode};
const std::vector<double> kValues = {0.9, 1.1, 0.4, 1.0, -0.2, 0.7};
const std::vector<double> kHessian = {0.02, 0.05, 0.0, 0.10, 0.01, 0.03};

void check_close(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) <= tolerance, i << ": " << found[i] << " against " << expected[i]);
}

GroupState updated(std::vector<double> w, std::vector<double> hessian, double lambda, double gamma,
                   const LaplaceOptions& options = kCodeOrder) {
  GroupState state{.gamma = gamma, .omega = 1.0, .covariance = {}, .alpha = {}};
  update_group(state, w, hessian, lambda, options);
  return state;
}

/// One switch with data term h/2 (w - w_ls)^2, whose penalised minimum is a soft threshold.
struct Scalar {
  double w_ls, h, lambda;
  double w = 0.0;
  GroupState state = {};

  void iterate(UpdateOrder order) {
    w = std::copysign(std::max(0.0, std::abs(w_ls) - lambda * state.omega / h), w_ls);
    update_group(state, std::vector{w}, std::vector{h}, lambda, {.order = order});
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(laplace)

BOOST_AUTO_TEST_CASE(golden_group_g1) {
  const GroupState state = updated(kValues, kHessian, 0.01, 1.0);
  check_close(state.covariance, {1.0 / 3, 1.0 / 6, 1.0, 1.0 / 11, 0.5, 0.25}, kExact);
  check_close(state.alpha, {2.0 / 3, 5.0 / 6, 0.0, 10.0 / 11, 0.5, 0.75}, kExact);
  check_close({state.omega, group_norm(kValues), state.gamma, gaussian_entropy(state.gamma)},
              {1.9128750375000738, 1.9261360284258224, 1.0069324920163523, 1.4223928195929583}, kExact);
  BOOST_TEST(!is_redundant(state.gamma));
}

BOOST_AUTO_TEST_CASE(golden_child_under_gate_g2) {
  const double gate = updated(kValues, kHessian, 0.01, 1.0).gamma;
  const GroupState child = updated(std::vector<double>(6, 0.01), std::vector<double>(6, 0.2), 0.01, 1.0);
  const double s = effective_variance(child.gamma, gate);
  check_close({child.covariance[0], child.alpha[0], child.omega, child.gamma, s, gaussian_entropy(s)},
              {0.047619047619047616, 0.9523809523809523, 2.390457218668787, 0.010246950765959599, 0.010143724141842236,
               -0.8765115047333568},
              kExact);
  BOOST_TEST(is_redundant(s));
}

BOOST_AUTO_TEST_CASE(golden_first_iterates_g3) {
  struct Row {
    UpdateOrder order;
    double expected[3][3];
  };
  const Row rows[] = {{UpdateOrder::kCode,
                       {{0.4975, 0.498121, 0.998752}, {0.497503, 0.352006, 1.413335}, {0.496467, 0.295598, 1.679531}}},
                      {UpdateOrder::kSupplement,
                       {{0.4975, 0.4975, 1.414214}, {0.496464, 0.351053, 1.681793}, {0.495796, 0.294802, 1.834008}}}};
  for (const Row& row : rows) {
    Scalar one{.w_ls = 0.5, .h = 4, .lambda = 0.01};
    for (const auto& expected : row.expected) {
      one.iterate(row.order);
      check_close({one.w, one.state.gamma, one.state.omega}, {expected[0], expected[1], expected[2]},
                  0.51e-6);  // printed with six decimals
    }
  }
}

BOOST_AUTO_TEST_CASE(both_orders_reach_the_exact_maximum_of_the_evidence_g3) {
  struct Row {
    double w_ls, h, lambda, gamma, w, omega;
  };
  const Row rows[] = {{1.0, 2, 0.5, 0.75, 0.75, 1.0},
                      {0.5, 4, 0.01, 0.2475, 0.495, 2.0},
                      {0.3, 1, 0.05, 0.04, 0.4 / 3, 10.0 / 3},
                      {0.4, 2, 0.5, 0.0, 0.0, 2.0},
                      {0.2, 1, 0.05, 0.0, 0.0, std::sqrt(20.0)}};
  for (const Row& row : rows) {
    BOOST_TEST(row.gamma == std::max(0.0, row.w_ls * row.w_ls - row.lambda / row.h),
               boost::test_tools::tolerance(1e-12));
    for (UpdateOrder order : {UpdateOrder::kCode, UpdateOrder::kSupplement}) {
      Scalar one{.w_ls = row.w_ls, .h = row.h, .lambda = row.lambda};
      for (int i = 0; i < 2000; ++i)
        one.iterate(order);
      check_close({one.state.gamma, one.w}, {row.gamma, row.w}, 1e-8);
      check_close({one.state.omega}, {row.omega}, 1e-7);
    }
  }
}

BOOST_AUTO_TEST_CASE(slope_equals_difference_of_precision_and_covariance) {
  for (double gamma : {0.01, 0.5, 1.0, 7.0}) {
    for (double h : {0.0, 0.3, 1.0, 40.0}) {
      const GroupState state = updated({1.0}, {h}, 1.0, gamma);
      const double c = state.covariance[0];
      check_close({state.alpha[0]}, {1 / gamma - c / (gamma * gamma)}, 1e-10);  // the right side cancels
      check_close({c}, {1 / (1 / gamma + h)}, kExact);
      BOOST_TEST(state.alpha[0] >= 0.0);
      BOOST_TEST(state.alpha[0] <= std::min(h, 1 / gamma));
    }
  }
}

BOOST_AUTO_TEST_CASE(slope_grows_with_curvature_and_falls_with_variance) {
  const auto alpha = [](double h, double gamma) { return updated({1.0}, {h}, 1.0, gamma).alpha[0]; };
  BOOST_TEST(alpha(0.2, 1.0) < alpha(0.3, 1.0));
  BOOST_TEST(alpha(20.0, 1.0) < alpha(30.0, 1.0));
  BOOST_TEST(alpha(0.3, 1.0) > alpha(0.3, 1.1));
  BOOST_TEST(alpha(30.0, 0.1) > alpha(30.0, 0.2));
}

BOOST_AUTO_TEST_CASE(weight_grows_as_variance_shrinks) {
  double last = 0.0;
  for (double gamma : {10.0, 1.0, 0.1, 0.01}) {
    const double omega = updated(kValues, kHessian, 0.01, gamma).omega;
    BOOST_TEST(omega > last);
    last = omega;
  }
}

BOOST_AUTO_TEST_CASE(weight_is_at_its_floor_only_where_all_curvature_is_zero) {
  BOOST_TEST(updated({1.0, 1.0}, {0.0, 0.0}, 0.01, 1.0).omega == 1e-10);
  BOOST_TEST(updated({1.0, 1.0}, {0.0, 0.0}, 0.01, 1.0).gamma == 1e10);
  BOOST_TEST(updated({1.0, 1.0}, {0.0, 1e-12}, 0.01, 1.0).omega > 1e-6);
}

BOOST_AUTO_TEST_CASE(covariance_is_below_prior_variance_and_inverse_curvature) {
  for (double h : {0.1, 1.0, 100.0}) {
    const double c = updated({1.0}, {h}, 1.0, 0.7).covariance[0];
    BOOST_TEST(c > 0.0);
    BOOST_TEST(c <= std::min(0.7, 1 / h));
  }
  BOOST_TEST(updated({1.0}, {0.0}, 1.0, 0.7).covariance[0] == 0.7);
}

BOOST_AUTO_TEST_CASE(scaling_curvature_and_temperature_together_changes_nothing) {
  const GroupState one = updated(kValues, kHessian, 0.01, 0.6);
  std::vector<double> scaled = kHessian;
  for (double& h : scaled)
    h *= 37.0;
  const GroupState other = updated(kValues, scaled, 0.37, 0.6);
  check_close(other.covariance, one.covariance, kExact);
  check_close(other.alpha, one.alpha, kExact);
  check_close({other.omega, other.gamma}, {one.omega, one.gamma}, kExact);
}

BOOST_AUTO_TEST_CASE(hessian_scale_multiplies_the_curvature) {
  LaplaceOptions options = kCodeOrder;
  options.hessian_scale = 18.0;
  std::vector<double> scaled = kHessian;
  for (double& h : scaled)
    h *= 18.0;
  check_close(updated(kValues, kHessian, 0.01, 1.0, options).alpha, updated(kValues, scaled, 0.01, 1.0).alpha, kExact);
}

BOOST_AUTO_TEST_CASE(variance_is_linear_in_the_norm) {
  for (const LaplaceOptions& options : {kCodeOrder, LaplaceOptions{}}) {
    std::vector<double> threefold = kValues;
    for (double& w : threefold)
      w *= 3.0;
    check_close({updated(threefold, kHessian, 0.01, 1.0, options).gamma},
                {3.0 * updated(kValues, kHessian, 0.01, 1.0, options).gamma}, kExact);
  }
}

BOOST_AUTO_TEST_CASE(order_of_copies_does_not_matter) {
  const GroupState one = updated(kValues, kHessian, 0.01, 1.0);
  const GroupState other = updated({kValues.rbegin(), kValues.rend()}, {kHessian.rbegin(), kHessian.rend()}, 0.01, 1.0);
  check_close({other.gamma, other.omega}, {one.gamma, one.omega}, kExact);
}

BOOST_AUTO_TEST_CASE(group_of_equal_members_has_the_variance_of_one) {
  const GroupState one = updated({0.3}, {0.02}, 0.01, 1.0);
  const GroupState six = updated(std::vector<double>(6, 0.3), std::vector<double>(6, 0.02), 0.01, 1.0);
  check_close({six.omega, six.gamma}, {std::sqrt(6.0) * one.omega, one.gamma}, kExact);
}

BOOST_AUTO_TEST_CASE(mean_keeps_the_weight_of_one_member) {
  const LaplaceOptions mean{.order = UpdateOrder::kCode, .sum = GroupSum::kMean};
  const GroupState one = updated({0.3}, {0.02}, 0.01, 1.0);
  const GroupState six = updated(std::vector<double>(6, 0.3), std::vector<double>(6, 0.02), 0.01, 1.0, mean);
  check_close({six.omega}, {one.omega}, kExact);
}

BOOST_AUTO_TEST_CASE(negative_curvature_is_clamped_or_mirrored) {
  const LaplaceOptions mirrored{.order = UpdateOrder::kCode, .negative = NegativeCurvature::kAbsolute};
  check_close(updated({1.0}, {-0.4}, 1.0, 1.0).alpha, {0.0}, 0.0);
  check_close(updated({1.0}, {-0.4}, 1.0, 1.0, mirrored).alpha, updated({1.0}, {0.4}, 1.0, 1.0).alpha, 0.0);
}

BOOST_AUTO_TEST_CASE(other_priors_add_precision) {
  GroupState alone, joint;
  update_group(alone, kValues, kHessian, 0.01);
  update_group(joint, kValues, kHessian, 0.01, {}, 2.0);
  check_close({1 / joint.covariance[1]}, {1 / alone.covariance[1] + 2.0}, 1e-10);
}

BOOST_AUTO_TEST_CASE(group_of_zeros_is_redundant_at_once) {
  BOOST_TEST(updated({0.0, 0.0}, {0.1, 0.2}, 0.01, 1.0).gamma == 1e-10);
  BOOST_TEST(is_redundant(updated({0.0, 0.0}, {0.1, 0.2}, 0.01, 1.0, {}).gamma));
}

BOOST_AUTO_TEST_CASE(bad_input_is_refused_with_the_numbers) {
  const double nan = std::nan("");
  BOOST_CHECK_EXCEPTION(updated({1.0}, {1.0, 2.0}, 0.1, 1.0), ockham::UsageError, (Says{{"1 values", "2 second"}}));
  BOOST_CHECK_EXCEPTION(updated({1.0}, {1.0}, 0.0, 1.0), ockham::UsageError, (Says{{"lambda = 0", "positive"}}));
  BOOST_CHECK_EXCEPTION(updated({1.0, nan}, {1.0, 1.0}, 0.1, 1.0), ockham::DivergedError, (Says{{"member 1", "nan"}}));
  BOOST_CHECK_EXCEPTION(updated({1.0}, {HUGE_VAL}, 0.1, 1.0), ockham::DivergedError, (Says{{"member 0", "inf"}}));
}

BOOST_AUTO_TEST_CASE(entropy_prunes_at_one_over_two_pi_e) {
  BOOST_TEST(kPruneThreshold == 0.05854983152431917, boost::test_tools::tolerance(1e-15));
  BOOST_TEST(is_redundant(0.0585));
  BOOST_TEST(!is_redundant(0.0586));
  BOOST_TEST(gaussian_entropy(0.0585) < 0.0);
  BOOST_TEST(gaussian_entropy(0.0586) > 0.0);
  BOOST_TEST(is_redundant(kPruneThreshold));
  BOOST_TEST(is_redundant(std::nan("")));
}

BOOST_AUTO_TEST_SUITE_END()
