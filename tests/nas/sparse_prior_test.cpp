#include "nas/bayes/sparse_prior.h"

#include <cmath>
#include <limits>
#include <vector>

#include "nas/bayes/entropy.h"
#include "nas/bayes/laplace.h"
#include "tests/support.h"

using namespace ockham::nas;

BOOST_AUTO_TEST_SUITE(sparse_prior)

BOOST_AUTO_TEST_CASE(effective_variance_is_below_both_and_symmetric) {
  for (double gamma : {0.01, 0.5, 3.0}) {
    for (double gate : {0.02, 1.0, 50.0}) {
      const double s = effective_variance(gamma, gate);
      BOOST_TEST(s <= std::min(gamma, gate));
      BOOST_TEST(s == effective_variance(gate, gamma));
      BOOST_TEST(s < effective_variance(1.1 * gamma, gate));
      BOOST_TEST(s < effective_variance(gamma, 1.1 * gate));
    }
  }
}

BOOST_AUTO_TEST_CASE(open_gate_leaves_the_variance_and_closed_gate_takes_it) {
  BOOST_TEST(effective_variance(0.7, std::numeric_limits<double>::infinity()) == 0.7);
  BOOST_TEST(effective_variance(0.7, 0.0) == 0.0);
  BOOST_TEST(effective_variance(0.0, 0.7) == 0.0);
  BOOST_TEST(effective_variance(0.7, 1e-12) < 1.1e-12);
}

BOOST_AUTO_TEST_CASE(redundant_gate_makes_every_child_redundant) {
  for (double gamma : {1e-3, 1.0, 1e10})
    BOOST_TEST(is_redundant(effective_variance(gamma, kPruneThreshold)));
}

BOOST_AUTO_TEST_CASE(penalty_gradient_matches_central_differences) {
  const std::vector<double> w = {0.3, -0.7, 0.2};
  std::vector<double> gradient = {1.0, 2.0, 3.0};
  add_group_penalty_gradient(w, 0.05, gradient);
  BOOST_TEST(group_penalty(w, 0.05) == 0.05 * std::sqrt(0.3 * 0.3 + 0.7 * 0.7 + 0.2 * 0.2),
             boost::test_tools::tolerance(1e-14));
  for (std::size_t i = 0; i < w.size(); ++i) {
    constexpr double kStep = 1e-6;
    std::vector<double> plus = w, minus = w;
    plus[i] += kStep;
    minus[i] -= kStep;
    const double difference = (group_penalty(plus, 0.05) - group_penalty(minus, 0.05)) / (2 * kStep);
    BOOST_TEST(std::abs(gradient[i] - static_cast<double>(i + 1) - difference) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(penalty_of_zeros_has_no_gradient) {
  const std::vector<double> w = {0.0, 0.0};
  std::vector<double> gradient = {1.0, 2.0};
  add_group_penalty_gradient(w, 0.05, gradient);
  BOOST_TEST(gradient == (std::vector<double>{1.0, 2.0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(shrinking_minimises_penalty_plus_squared_distance) {
  const std::vector<double> start = {0.6, -0.8};
  std::vector<double> w = start;
  shrink_group(w, 0.25);
  BOOST_TEST(w[0] == 0.75 * 0.6, boost::test_tools::tolerance(1e-14));
  BOOST_TEST(w[1] == 0.75 * -0.8, boost::test_tools::tolerance(1e-14));
  // At the minimum of threshold * ||w|| + 1/2 ||w - start||^2 the gradient vanishes.
  std::vector<double> gradient = {w[0] - start[0], w[1] - start[1]};
  add_group_penalty_gradient(w, 0.25, gradient);
  BOOST_TEST(std::abs(gradient[0]) < 1e-14);
  BOOST_TEST(std::abs(gradient[1]) < 1e-14);
}

BOOST_AUTO_TEST_CASE(shrinking_reaches_exact_zeros) {
  std::vector<double> w = {0.06, -0.08};
  shrink_group(w, 0.1);
  BOOST_TEST(w == (std::vector<double>{0.0, 0.0}), boost::test_tools::per_element());
  shrink_group(w, 0.0);
  BOOST_TEST(w[0] == 0.0);
}

// Two groups with data term 1/2 sum h (w - w_ls)^2. With equal curvature inside a group the penalised minimum is a
// shrink, so both alternating steps are exact and the bound must never rise.
BOOST_AUTO_TEST_CASE(alternating_exact_steps_never_raise_the_evidence_bound) {
  struct Group {
    double h;
    std::vector<double> w_ls;
  };
  const double lambda = 0.05;
  for (const Group& group :
       {Group{2.0, {0.9, -0.4, 0.2}}, Group{1.0, {0.1, 0.1, 0.05}}, Group{30.0, {0.3, 0.0, 0.0}}}) {
    const std::vector<double> hessian(3, group.h), at_zero(3, 0.0);
    std::vector<double> gradient;  // of the data term at w_star = 0
    for (double w : group.w_ls)
      gradient.push_back(-group.h * w);
    GroupState state;
    double last = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 60; ++round) {
      std::vector<double> w = group.w_ls;
      shrink_group(w, lambda * state.omega / group.h);
      update_group(state, w, hessian, lambda);
      const double bound = evidence_bound(w, std::vector<double>(3, state.gamma), gradient, hessian, at_zero, lambda);
      BOOST_TEST(bound <= last + 1e-12);  // rounding at the fixed point
      last = bound;
    }
    BOOST_TEST(std::isfinite(last));
  }
}

BOOST_AUTO_TEST_SUITE_END()
