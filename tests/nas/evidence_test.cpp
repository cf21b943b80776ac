// Golden numbers were computed independently in float64.
#include "nas/bayes/evidence/evidence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/error.h"
#include "engine/random.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::Says;

namespace {

constexpr double kLambda = 0.01;
const std::vector<double> kValues = {0.9, 1.1, 0.4, 1.0, -0.2, 0.7};
const std::vector<double> kGradient = {-0.001, -0.002, -0.0005, 0.003, 0.001, -0.001};
const std::vector<double> kHessian = {0.02, 0.05, 0.0, 0.10, 0.01, 0.03};

std::vector<double> times(std::vector<double> values, double factor) {
  for (double& value : values)
    value *= factor;
  return values;
}

void check(const GroupEvidence& found, double variance, double strength) {
  BOOST_TEST(std::abs(found.variance - variance) <= 1e-10 * std::max(1.0, variance), found.variance);
  BOOST_TEST(std::abs(found.strength - strength) <= 1e-10 * std::max(1.0, strength), found.strength);
}

struct Problem {
  std::vector<double> w, g, H;
};
Problem random_problem(std::uint64_t stream, std::size_t members) {
  const RandomKey key{.seed = 5, .step = stream};
  Problem p;
  for (std::size_t b = 0; b < members; ++b) {
    p.w.push_back(normal(key, 3 * b));
    p.g.push_back(0.01 * normal(key, 3 * b + 1));
    p.H.push_back(std::exp(3.0 * normal(key, 3 * b + 2) - 4.0));
  }
  return p;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(evidence)

BOOST_AUTO_TEST_CASE(golden_values) {
  check(group_evidence(std::vector{0.5}, std::vector{0.0}, std::vector{4.0}, kLambda), 0.2475, 47.19741490700596);
  const std::vector<double> none(6);
  check(group_evidence(kValues, none, kHessian, kLambda), 0.5855945209143858, 4.666523169992208);
  check(group_evidence(kValues, kGradient, kHessian, kLambda), 0.6091001825879612, 4.686902281494445);
  const std::vector<double> small(6, 0.01), flat(6, 0.2);
  check(group_evidence(small, none, flat, kLambda), 0.0, 0.0);
}

BOOST_AUTO_TEST_CASE(the_scale_of_an_operation_changes_no_strength) {
  const double c = 7.3;
  check(group_evidence(times(kValues, 1.0 / c), times(kGradient, c), times(kHessian, c * c), kLambda),
        0.011429915229648, 4.686902281494445);
  for (std::uint64_t stream = 0; stream < 20; ++stream) {
    const Problem p = random_problem(stream, 6);
    const GroupEvidence one = group_evidence(p.w, p.g, p.H, kLambda);
    for (const double scale : {1e-6, 0.1, 3.0, 1e5}) {
      const GroupEvidence other =
          group_evidence(times(p.w, 1.0 / scale), times(p.g, scale), times(p.H, scale * scale), kLambda);
      BOOST_TEST(std::abs(other.strength - one.strength) <= 1e-10 * std::max(1.0, one.strength));
      BOOST_TEST(std::abs(other.variance * scale * scale - one.variance) <= 1e-7 * one.variance);
    }
  }
}

BOOST_AUTO_TEST_CASE(one_member_has_the_closed_form) {
  for (const double ratio : {0.5, 1.0, 1.0 + 1e-9, 1.001, 2.0, 1e6}) {
    const double s = 30.0, q = std::sqrt(ratio * s);
    const GroupEvidence found = best_variance(std::vector{q}, std::vector{s});
    const double variance = std::max(0.0, (q * q - s) / (s * s));
    BOOST_TEST(std::abs(found.variance - variance) <= 1e-12 * variance);
    const double strength = ratio > 1.0 ? 0.5 * (ratio - 1.0 - std::log(ratio)) : 0.0;
    BOOST_TEST(std::abs(found.strength - strength) <= 1e-10 * strength + 1e-15);
  }
}

BOOST_AUTO_TEST_CASE(strength_does_not_fall_as_lambda_does) {
  for (std::uint64_t stream = 0; stream < 20; ++stream) {
    const Problem p = random_problem(stream, 5);
    double before = 0.0;
    for (double lambda = 1.0; lambda > 1e-5; lambda *= 0.7) {
      const double strength = group_evidence(p.w, p.g, p.H, lambda).strength;
      BOOST_TEST(strength >= before * (1.0 - 1e-12));
      before = strength;
    }
  }
}

BOOST_AUTO_TEST_CASE(of_two_local_maxima_the_higher_is_found) {
  // A stiff member asks for a small variance, several soft ones for a large: l rises, falls, and rises again.
  const std::vector<double> s{1e4, 1e-2};
  for (const double soft : {0.3, 0.4, 0.5}) {
    const std::vector<double> q{400.0, soft};
    double expected = 0.0;
    for (double v = 1e-8; v < 1e5; v *= 1.0003)
      expected = std::max(expected, log_evidence(q, s, v));
    const GroupEvidence found = best_variance(q, s);
    BOOST_TEST(found.strength >= expected);
    BOOST_TEST(found.strength <= expected + 1e-6);
  }
  // Without the evidence of the soft member the first maximum would win; with more of it the second.
  BOOST_TEST(best_variance(std::vector{400.0, 0.01}, s).variance < 1e-2);
  BOOST_TEST(best_variance(std::vector{400.0, 0.9}, s).variance > 1.0);
}

BOOST_AUTO_TEST_CASE(it_is_the_largest_on_a_fine_grid_for_random_groups) {
  for (std::uint64_t stream = 0; stream < 50; ++stream) {
    const Problem p = random_problem(100 + stream, 1 + stream % 7);
    std::vector<double> q, s;
    for (std::size_t b = 0; b < p.w.size(); ++b) {
      s.push_back(p.H[b] / kLambda);
      q.push_back((p.H[b] * p.w[b] - p.g[b]) / kLambda);
    }
    const GroupEvidence found = best_variance(q, s);
    for (double v = 1e-9; v < 1e9; v *= 1.01)
      BOOST_TEST(log_evidence(q, s, v) <= found.strength + 1e-12 * std::max(1.0, found.strength));
  }
}

BOOST_AUTO_TEST_CASE(members_without_information_are_left_out_and_counted) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinite = std::numeric_limits<double>::infinity();
  const GroupEvidence found = group_evidence(std::vector{0.5, 1.0, 1.0, 1.0, 1.0}, std::vector(5, 0.0),
                                             std::vector{4.0, 0.0, -1.0, nan, infinite}, kLambda);
  check(found, 0.2475, 47.19741490700596);
  BOOST_TEST(found.uninformed == 4);
  const GroupEvidence nothing = group_evidence(std::vector{0.5}, std::vector{0.0}, std::vector{-4.0}, kLambda);
  check(nothing, 0.0, 0.0);
  BOOST_TEST(nothing.uninformed == 1);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_judged_is_refused) {
  const std::vector<double> one{1.0}, two{1.0, 1.0}, bad{std::numeric_limits<double>::infinity()};
  BOOST_CHECK_EXCEPTION(group_evidence(one, one, one, 0.0), UsageError, (Says{{"lambda = 0", "positive"}}));
  BOOST_CHECK_EXCEPTION(group_evidence(one, two, one, 1.0), UsageError, (Says{{"1 values, 2 gradients"}}));
  BOOST_CHECK_EXCEPTION(group_evidence(one, bad, one, 1.0), DivergedError, (Says{{"member 0", "gradient inf"}}));
}

BOOST_AUTO_TEST_SUITE_END()
