// Golden numbers were computed independently in float64.
#include "nas/bayes/evidence/joint_evidence.h"

#include <Eigen/Cholesky>
#include <Eigen/LU>
#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/random.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using Eigen::MatrixXd, Eigen::VectorXd;
using ockham::test::Says;

namespace {

using Members = std::vector<std::vector<std::size_t>>;

void check_close(const std::vector<double>& found, const std::vector<double>& expected, double tolerance) {
  BOOST_REQUIRE_EQUAL(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    BOOST_TEST(std::abs(found[i] - expected[i]) <= tolerance * std::max(1.0, std::abs(expected[i])),
               i << ": " << found[i] << " against " << expected[i]);
}

std::vector<double> strengths(const JointEvidence& joint, const std::vector<double>& v) {
  std::vector<double> result;
  for (std::size_t g = 0; g < joint.groups(); ++g)
    result.push_back(joint.strength(v, std::vector{g}));
  return result;
}

Members singles(std::size_t K) {
  Members result;
  for (std::size_t i = 0; i < K; ++i)
    result.push_back({i});
  return result;
}

const QuadraticLikelihood kThree{.S = {400, 380, 20, 380, 400, 10, 20, 10, 300}, .b = {390, 385, 8}};

/// J^T J / rows of noise, and b = S x + noise: of low rank where rows < K.
QuadraticLikelihood random_likelihood(std::uint64_t stream, std::size_t K, std::size_t rows) {
  const RandomKey key{.seed = 11, .step = stream};
  std::uint64_t at = 0;
  std::vector<std::vector<double>> J(rows);
  for (std::vector<double>& row : J) {
    for (std::size_t i = 0; i < K; ++i)
      row.push_back(normal(key, at++) * (i % 3 == 0 ? 10.0 : 1.0));
    if (K > 2)
      row[2] = 0.98 * row[1] + 0.1 * row[2];
  }
  QuadraticLikelihood result{.S = std::vector<double>(K * K), .b = std::vector<double>(K)};
  for (const std::vector<double>& row : J) {
    double y = 2.0 * normal(key, at++);
    for (std::size_t i = 0; i < K; i += 2)
      y += 0.5 * row[i];
    for (std::size_t i = 0; i < K; ++i) {
      result.b[i] += row[i] * y;
      for (std::size_t j = 0; j < K; ++j)
        result.S[i * K + j] += row[i] * row[j];
    }
  }
  return result;
}

/// evidence(v) by its definition, with v by member.
double by_definition(const QuadraticLikelihood& likelihood, const std::vector<double>& v) {
  const auto K = std::ssize(v);
  std::vector<Eigen::Index> present;
  for (Eigen::Index i = 0; i < K; ++i) {
    if (v[static_cast<std::size_t>(i)] > 0.0)
      present.push_back(i);
  }
  const Eigen::Map<const MatrixXd> whole(likelihood.S.data(), K, K);
  const Eigen::Map<const VectorXd> b_whole(likelihood.b.data(), K), v_whole(v.data(), K);
  const MatrixXd S = whole(present, present);
  const VectorXd b = b_whole(present), V = v_whole(present);
  MatrixXd precision = S;
  precision.diagonal() += V.cwiseInverse();
  const MatrixXd I = MatrixXd::Identity(S.rows(), S.rows());
  return 0.5 * (b.dot(precision.ldlt().solve(b)) - std::log((I + S * V.asDiagonal()).determinant()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(joint_evidence)

BOOST_AUTO_TEST_CASE(golden_values_of_groups_of_one) {
  const JointEvidence joint(kThree, singles(3));
  const JointEvidence::Ascent ascent = joint.ascend();
  check_close(ascent.variances, {0.4358556839729689, 0.139357833380309, 0.0}, 1e-10);
  check_close({ascent.evidence.begin(), ascent.evidence.begin() + 4},
              {188.25619801, 188.36551099, 188.36557382, 188.36557387}, 1e-10);
  check_close(strengths(joint, ascent.variances), {8.368854125669799, 1.908251653269872, 0.0}, 1e-10);
}

BOOST_AUTO_TEST_CASE(golden_values_of_larger_groups) {
  const JointEvidence joint(kThree, {{0, 2}, {1}});
  const JointEvidence::Ascent ascent = joint.ascend();
  check_close(ascent.variances, {0.19536813683818288, 0.16649029286170453}, 1e-10);
  BOOST_TEST(std::abs(ascent.evidence.back() - 186.25562964915403) <= 1e-10 * 186.0);
  check_close(strengths(joint, ascent.variances), {5.822159253693798, 2.552541121376464}, 1e-10);
}

BOOST_AUTO_TEST_CASE(alone_each_of_two_that_do_the_same_work_looks_as_if_it_were_needed) {
  const JointEvidence joint(kThree, singles(3));
  const std::vector<double> absent(3);
  BOOST_TEST(std::abs(joint.best(absent, 0).strength - 186.654586) < 1e-6);
  BOOST_TEST(std::abs(joint.best(absent, 1).strength - 181.823739) < 1e-6);
  BOOST_TEST(joint.best(absent, 2).strength == 0.0);
}

BOOST_AUTO_TEST_CASE(a_diagonal_matrix_gives_the_rule_of_the_diagonal) {
  const std::vector<double> H{0.02, 0.05, 0.0, 0.10, 0.01, 0.03}, w{0.9, 1.1, 0.4, 1.0, -0.2, 0.7};
  const std::vector<double> g{-0.001, -0.002, -0.0005, 0.003, 0.001, -0.001};
  std::vector<double> matrix(36);
  for (std::size_t i = 0; i < 6; ++i)
    matrix[i * 7] = H[i];
  const JointEvidence joint(quadratic_likelihood(matrix, w, g, 0.01), {{0, 1, 2}, {3, 4, 5}});
  const JointEvidence::Ascent ascent = joint.ascend();
  for (std::size_t group = 0; group < 2; ++group) {
    const auto part = [&](const std::vector<double>& all) { return std::span(all).subspan(3 * group, 3); };
    const GroupEvidence alone = group_evidence(part(w), part(g), part(H), 0.01);
    BOOST_TEST(std::abs(ascent.variances[group] - alone.variance) <= 1e-12 * alone.variance);
    BOOST_TEST(std::abs(joint.strength(ascent.variances, std::vector{group}) - alone.strength) <= 1e-12);
    BOOST_TEST(joint.uninformed(group) == (group == 0 ? 1 : 0));
  }
}

BOOST_AUTO_TEST_CASE(the_evidence_is_what_its_definition_says) {
  for (std::uint64_t stream = 0; stream < 10; ++stream) {
    const QuadraticLikelihood likelihood = random_likelihood(stream, 5, 4 + stream);
    const std::vector<double> v{0.3, 0.0, 1.5, 0.01, 20.0};
    const double expected = by_definition(likelihood, v);
    BOOST_TEST(std::abs(JointEvidence(likelihood, singles(5)).at(v) - expected) <= 1e-9 * std::abs(expected));
  }
}

BOOST_AUTO_TEST_CASE(the_ascent_never_falls_and_ends_where_no_group_alone_could_rise) {
  for (std::uint64_t stream = 0; stream < 30; ++stream) {
    const std::size_t K = 6 + stream % 7;
    Members groups;
    for (std::size_t i = 0; i < K; ++i) {
      if (i % 3 == 0)
        groups.emplace_back();
      groups.back().push_back(i);
    }
    const JointEvidence joint(random_likelihood(stream, K, 3 + stream), groups);
    const JointEvidence::Ascent ascent = joint.ascend();
    for (std::size_t i = 1; i < ascent.evidence.size(); ++i)
      BOOST_TEST(ascent.evidence[i] >= ascent.evidence[i - 1] * (1.0 - 1e-13));
    BOOST_TEST(ascent.evidence.front() >= 0.0);
    const double top = ascent.evidence.back();
    for (std::size_t g = 0; g < groups.size(); ++g) {
      for (double v = 1e-6; v < 1e6; v *= 3.0) {
        std::vector<double> moved = ascent.variances;
        moved[g] = v;
        BOOST_TEST(joint.at(moved) <= top + 1e-8 * std::max(1.0, top));
      }
      BOOST_TEST(joint.strength(ascent.variances, std::vector{g}) >= -1e-8 * std::max(1.0, top));
    }
  }
}

BOOST_AUTO_TEST_CASE(strength_of_a_group_scaled_with_its_matrix_is_the_same) {
  QuadraticLikelihood scaled = random_likelihood(3, 6, 20);
  const Members groups{{0, 1}, {2, 3}, {4, 5}};
  const JointEvidence one(scaled, groups);
  const double c = 37.0;  // of the second group
  for (std::size_t i = 0; i < 6; ++i) {
    for (std::size_t j = 0; j < 6; ++j)
      scaled.S[i * 6 + j] *= (i / 2 == 1 ? c : 1.0) * (j / 2 == 1 ? c : 1.0);
    scaled.b[i] *= i / 2 == 1 ? c : 1.0;
  }
  const JointEvidence other(scaled, groups);
  const std::vector<double> v = one.ascend().variances, v_other = other.ascend().variances;
  check_close(strengths(other, v_other), strengths(one, v), 1e-8);
  BOOST_TEST(std::abs(v_other[1] * c * c - v[1]) <= 1e-6 * v[1]);
}

BOOST_AUTO_TEST_CASE(blocks_are_worth_more_than_their_parts_where_those_stand_in_for_each_other) {
  const JointEvidence joint(kThree, singles(3));
  const std::vector<double> v = joint.ascend().variances;
  const double both = joint.strength(v, std::vector<std::size_t>{0, 1});
  BOOST_TEST(std::abs(both - joint.at(v)) < 1e-9);  // nothing else is present
  BOOST_TEST(both > 8.368854125669799 + 1.908251653269872);
}

BOOST_AUTO_TEST_CASE(two_that_stand_in_for_each_other_are_correlated_against_each_other) {
  const JointEvidence joint(kThree, singles(3));
  const std::vector<double> correlation = joint.posterior_correlation(joint.ascend().variances);
  BOOST_REQUIRE_EQUAL(correlation.size(), 4);
  BOOST_TEST(correlation[0] == 1.0);
  BOOST_TEST(correlation[1] == correlation[2]);
  // (S + V^-1)^-1 of two, by hand.
  const double a = 400.0 + 1.0 / 0.4358556839729689, d = 400.0 + 1.0 / 0.139357833380309;
  BOOST_TEST(std::abs(correlation[1] + 380.0 / std::sqrt(a * d)) < 1e-9);
}

// Regression on six inputs, two of them correlated at .96, two relevant (one of the correlated): is exactly the support
// found? With these random numbers the joint rule finds it 50 times of 50, the diagonal 29 and the norm 28; with
// numpy's it was 49, 29 and 27.
BOOST_AUTO_TEST_CASE(it_finds_the_support_of_a_regression_where_the_diagonal_and_the_norm_do_not) {
  constexpr std::size_t kRows = 200, kInputs = 6;
  const std::vector<double> truth{1.0, 0.0, 0.7, 0.0, 0.0, 0.0};
  const double lambda = 0.25 / kRows;
  int joint_right = 0, diagonal_right = 0, norm_right = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const RandomKey key{.seed = seed};
    std::uint64_t at = 0;
    MatrixXd X(kRows, kInputs);
    VectorXd y(kRows);
    for (Eigen::Index n = 0; n < X.rows(); ++n) {
      for (Eigen::Index i = 0; i < X.cols(); ++i)
        X(n, i) = normal(key, at++);
      X(n, 1) = X(n, 0) + 0.3 * X(n, 1);
      y(n) = X(n, 0) + 0.7 * X(n, 2) + 0.5 * normal(key, at++);
    }
    const MatrixXd H = X.transpose() * X / kRows;
    const VectorXd moment = X.transpose() * y / kRows;
    const VectorXd w = (H + 1e-3 * MatrixXd::Identity(kInputs, kInputs)).ldlt().solve(moment);
    const VectorXd g = H * w - moment;
    const auto numbers = [](const auto& m) { return std::vector<double>(m.data(), m.data() + m.size()); };
    const JointEvidence joint(quadratic_likelihood(numbers(H), numbers(w), numbers(g), lambda), singles(kInputs));
    const std::vector<double> v = joint.ascend().variances;
    bool by_joint = true, by_diagonal = true, by_norm = true;
    for (std::size_t i = 0; i < kInputs; ++i) {
      const bool is_relevant = truth[i] != 0.0;
      const auto k = static_cast<Eigen::Index>(i);
      const double alone = group_evidence(std::vector{w[k]}, std::vector{g[k]}, std::vector{H(k, k)}, lambda).strength;
      by_joint = by_joint && (joint.strength(v, std::vector{i}) > 3.0) == is_relevant;
      by_diagonal = by_diagonal && (alone > 3.0) == is_relevant;
      by_norm = by_norm && (std::abs(w[k]) > 0.1) == is_relevant;
    }
    joint_right += by_joint;
    diagonal_right += by_diagonal;
    norm_right += by_norm;
  }
  BOOST_TEST_MESSAGE("support found: joint " << joint_right << ", diagonal " << diagonal_right << ", norm "
                                             << norm_right);
  BOOST_TEST(joint_right >= 49);
  BOOST_TEST(diagonal_right <= 35);
  BOOST_TEST(norm_right <= 35);
}

BOOST_AUTO_TEST_CASE(discrete_ascent_takes_one_of_each_choice_and_never_two_that_do_the_same) {
  // Choice A: 0, 1; choice B: 2, 3. 1 and 3 do the same work; 0 and 2 do others, less of it.
  const QuadraticLikelihood likelihood{.S = {100, 0, 0, 0, 0, 100, 0, 99, 0, 0, 100, 0, 0, 99, 0, 100},
                                       .b = {60, 100, 50, 99.9}};
  const JointEvidence joint(likelihood, singles(4));
  const std::vector<JointEvidence::Choice> choices{{.options = {0, 1}}, {.options = {2, 3}}};
  // From both 1 and 3 each is worth nothing beside the other: the first leaves.
  const auto result = joint.choose({0.0, 1.0, 0.0, 1.0}, choices, 0.0);
  BOOST_TEST(result.chosen == (std::vector<std::size_t>{0, 3}), boost::test_tools::per_element());
  BOOST_TEST(result.variances[1] == 0.0);
  double best = 0.0;
  for (const std::size_t a : {0, 1}) {
    for (const std::size_t b : {2, 3}) {
      std::vector<double> v(4);
      for (int i = 0; i < 50; ++i) {
        v[a] = joint.best(v, a).variance;
        v[b] = joint.best(v, b).variance;
      }
      best = std::max(best, joint.at(v));
    }
  }
  BOOST_TEST(std::abs(result.evidence - best) <= 1e-6 * best);
}

BOOST_AUTO_TEST_CASE(a_choice_that_may_be_none_is_none_at_and_below_the_threshold) {
  const JointEvidence joint({.S = {100, 0, 0, 100}, .b = {60, 5}}, singles(2));
  const double strength = joint.best(std::vector<double>(2), 0).strength;
  const std::vector<double> absent(2);
  const std::vector<JointEvidence::Choice> may{{.options = {1, 0}, .may_be_none = true}},
      must{{.options = {1, 0}, .may_be_none = false}}, poor{{.options = {1}, .may_be_none = true}};
  BOOST_TEST(joint.choose(absent, may, 0.0).chosen[0] == 0);
  BOOST_TEST(joint.choose(absent, may, strength).chosen[0] == JointEvidence::kNone);
  BOOST_TEST(joint.choose(absent, must, strength).chosen[0] == 0);
  BOOST_TEST(joint.choose(absent, poor, 0.0).chosen[0] == JointEvidence::kNone);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_judged_is_refused) {
  const std::vector<double> one{1.0}, two{1.0, 1.0}, bad{std::numeric_limits<double>::quiet_NaN()};
  BOOST_CHECK_EXCEPTION(quadratic_likelihood(one, one, one, 0.0), UsageError, (Says{{"lambda = 0"}}));
  BOOST_CHECK_EXCEPTION(quadratic_likelihood(one, two, two, 1.0), UsageError, (Says{{"1 entries, 2 values"}}));
  BOOST_CHECK_EXCEPTION(quadratic_likelihood(bad, one, one, 1.0), DivergedError, (Says{{"matrix", "nan"}}));
  BOOST_CHECK_EXCEPTION(JointEvidence(kThree, {{0, 1}, {1}}), UsageError, (Says{{"place 1", "two groups"}}));
}

BOOST_AUTO_TEST_SUITE_END()
