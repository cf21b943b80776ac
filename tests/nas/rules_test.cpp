// What the rules of evidence say of groups, edges and choices.
#include "nas/bayes/evidence/rules.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::Says;

namespace {

/// Two edges of an origin and two operations each: groups 0 to 2 and 3 to 5, of two copies.
struct TwoEdges {
  TwoEdges() {
    for (std::size_t origin = 0; origin < 6; origin += 3) {
      groups.push_back(make_group({.is_origin = true}, 2));
      groups.push_back(make_group({.origin = origin}, 2));
      groups.push_back(make_group({.origin = origin}, 2));
    }
    for (std::size_t i = 0; i < 6; ++i) {
      curvature.w.push_back({1.0, 0.5});
      curvature.gradient.push_back({0.0, 0.0});
      curvature.hessian.push_back({0.0, 0.0});
    }
  }
  /// Gives a group the strength that w^2 H says, and the matrix that diagonal.
  void set(std::size_t group, double curved) { curvature.hessian[group] = {curved, curved}; }
  void fill_matrix() {
    curvature.matrix.assign(144, 0.0);
    for (std::size_t k = 0; k < 12; ++k)
      curvature.matrix[k * 13] = curvature.hessian[k / 2][k % 2];
  }
  Verdict judged(const RuleOptions& rule, double lambda = 0.01, int round = 1) {
    fill_matrix();
    return judge(groups, curvature, round, {.lambda_child = lambda, .lambda_origin = lambda}, rule);
  }

  std::vector<SwitchGroup> groups;
  SwitchCurvature curvature;
};

constexpr RuleOptions kDiagonal{.rule = Rule::kEvidence}, kJoint{.rule = Rule::kJointEvidence};

}  // namespace

BOOST_AUTO_TEST_SUITE(rules)

BOOST_AUTO_TEST_CASE(an_edge_is_worth_all_of_it_and_an_operation_what_it_alone_is) {
  TwoEdges edges;
  edges.set(1, 0.1);
  edges.set(2, 0.2);
  for (const RuleOptions& rule : {kDiagonal, kJoint}) {
    const Verdict verdict = edges.judged(rule);
    const double one =
        group_evidence(edges.curvature.w[1], edges.curvature.gradient[1], edges.curvature.hessian[1], 0.01).strength;
    BOOST_TEST(std::abs(verdict.strength[1] - one) <= 1e-12 * one);
    BOOST_TEST(verdict.strength[0] == 0.0);
    BOOST_TEST(std::abs(verdict.block[0] - verdict.strength[1] - verdict.strength[2]) < 1e-10);
    BOOST_TEST(std::abs(verdict.evidence - verdict.block[0]) < 1e-10);
    BOOST_TEST(verdict.is_redundant == (std::vector<bool>{false, false, false, true, true, true}),
               boost::test_tools::per_element());
    BOOST_TEST(verdict.uninformed == (std::vector<std::int64_t>{2, 0, 0, 2, 2, 2}), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_threshold_takes_weak_operations_and_edges_that_are_weak_as_a_whole) {
  TwoEdges edges;
  edges.set(1, 0.1);
  edges.set(2, 0.2);
  const Verdict all = edges.judged(kDiagonal);
  BOOST_TEST(all.strength[1] < all.strength[2]);
  const double between = 0.5 * (all.strength[1] + all.strength[2]), above = 0.5 * (all.strength[2] + all.block[0]);
  const auto redundant = [&](double threshold) {
    return edges.judged({.rule = Rule::kEvidence, .threshold = threshold}).is_redundant;
  };
  BOOST_TEST(redundant(between) == (std::vector<bool>{false, true, false, true, true, true}),
             boost::test_tools::per_element());
  BOOST_TEST(redundant(above) == (std::vector<bool>{false, true, true, true, true, true}),
             boost::test_tools::per_element());
  BOOST_TEST(redundant(2.0 * all.block[0])[0]);
}

BOOST_AUTO_TEST_CASE(strengths_do_not_fall_as_lambda_does_and_the_evidence_rises) {
  TwoEdges edges;
  for (std::size_t i = 0; i < 6; ++i)
    edges.set(i, 0.02 * static_cast<double>(i + 1));
  for (const RuleOptions& rule : {kDiagonal, kJoint}) {
    Verdict before = edges.judged(rule, 1.0);
    for (double lambda = 0.5; lambda > 1e-4; lambda *= 0.5) {
      const Verdict now = edges.judged(rule, lambda);
      for (std::size_t i = 0; i < 6; ++i)
        BOOST_TEST(now.strength[i] >= before.strength[i] - 1e-10);
      BOOST_TEST(now.evidence >= before.evidence);
      before = now;
    }
    BOOST_TEST(std::ranges::count(before.is_redundant, true) == 0);
  }
}

BOOST_AUTO_TEST_CASE(the_scale_of_the_hessian_divides_lambda) {
  TwoEdges edges;
  edges.set(1, 0.1);
  edges.curvature.gradient[1] = {0.01, -0.02};
  for (const RuleOptions& rule : {kDiagonal, kJoint}) {
    edges.fill_matrix();
    PosteriorOptions scaled{.lambda_child = 0.04, .lambda_origin = 0.04};
    scaled.laplace.hessian_scale = 4.0;
    const Verdict one = edges.judged(rule, 0.01);
    const Verdict other = judge(edges.groups, edges.curvature, 1, scaled, rule);
    BOOST_TEST(std::abs(one.strength[1] - other.strength[1]) <= 1e-12 * one.strength[1]);
  }
}

BOOST_AUTO_TEST_CASE(what_an_earlier_round_pruned_is_left_out_and_what_this_one_did_is_judged_again) {
  TwoEdges edges;
  for (std::size_t i = 0; i < 6; ++i)
    edges.set(i, 0.1);
  edges.groups[2].pruned_round = 1;
  for (const RuleOptions& rule : {kDiagonal, kJoint}) {
    BOOST_TEST(edges.judged(rule, 0.01, 1).strength[2] > 0.0);
    const Verdict later = edges.judged(rule, 0.01, 2);
    BOOST_TEST(later.strength[2] == 0.0);
    BOOST_TEST(!later.is_redundant[2]);
    BOOST_TEST(later.numbers[2] < 0.0);
  }
}

BOOST_AUTO_TEST_CASE(of_two_operations_that_do_the_same_the_joint_rule_keeps_one) {
  TwoEdges edges;
  edges.set(1, 0.1);
  edges.set(4, 0.1);
  edges.fill_matrix();
  for (std::size_t copy = 0; copy < 2; ++copy) {  // of groups 1 and 4: twice the same rows
    edges.curvature.matrix[(2 + copy) * 12 + 8 + copy] = 0.1;
    edges.curvature.matrix[(8 + copy) * 12 + 2 + copy] = 0.1;
  }
  const PosteriorOptions options{};
  BOOST_TEST(std::ranges::count(judge(edges.groups, edges.curvature, 1, options, kDiagonal).is_redundant, false) == 4);
  const Verdict joint = judge(edges.groups, edges.curvature, 1, options, kJoint);
  BOOST_TEST(joint.is_redundant[1] != joint.is_redundant[4]);
  BOOST_TEST(joint.present.size() == 1u);
  BOOST_TEST(joint.correlation == std::vector<double>{1.0}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_cell_of_one_option_a_choice_is_found_by_discrete_ascent) {
  // Choice A: none, 1, 2; choice B: none, 4, 5. 2 and 5 do the same work, 1 and 4 others, 4 more than 1.
  std::vector<SwitchGroup> groups;
  SwitchCurvature curvature;
  for (std::size_t i = 0; i < 6; ++i) {
    groups.push_back(make_group({}, i % 3 == 0 ? 0 : 1));
    const std::vector<double> w(groups.back().w.size(), i == 1 ? 0.6 : i == 4 ? 0.7 : 0.55), zero(w.size());
    curvature.w.push_back(w);
    curvature.gradient.push_back(zero);
    curvature.hessian.push_back(std::vector<double>(w.size(), 1.0));
  }
  curvature.matrix = {1, 0, 0, 0, 0, 1, 0, 0.99, 0, 0, 1, 0, 0, 0.99, 0, 1};
  const CellChoices choices{
      .single = {{.options = {1, 2}, .may_be_none = true}, {.options = {4, 5}, .may_be_none = true}},
      .taken = [](std::span<const double> numbers) {
        std::vector<double> taken(6);
        for (std::size_t c = 0; c < 6; c += 3)
          taken[static_cast<std::size_t>(std::ranges::max_element(numbers.subspan(c, 3)) - numbers.begin())] = 1.0;
        return taken;
      }};
  const auto cell = [&](const RuleOptions& rule) {
    return choices.taken(judge(groups, curvature, 1, {}, rule, &choices).numbers);
  };
  BOOST_TEST(cell(kJoint) == (std::vector<double>{0, 0, 1, 0, 1, 0}), boost::test_tools::per_element());
  BOOST_TEST(cell(kDiagonal) == (std::vector<double>{0, 1, 0, 0, 1, 0}), boost::test_tools::per_element());
  BOOST_TEST(cell({.rule = Rule::kJointEvidence, .threshold = 1e6}) == (std::vector<double>{1, 0, 0, 1, 0, 0}),
             boost::test_tools::per_element());
  BOOST_TEST(cell({.rule = Rule::kEvidence, .threshold = 1e6}) == (std::vector<double>{1, 0, 0, 1, 0, 0}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_a_rule_cannot_judge_is_refused) {
  TwoEdges edges;
  edges.fill_matrix();
  BOOST_CHECK_EXCEPTION(judge(edges.groups, edges.curvature, 1, {}, {}), UsageError, (Says{{"entropy rule"}}));
  const PosteriorOptions two{.lambda_child = 0.01, .lambda_origin = 0.02};
  BOOST_CHECK_EXCEPTION(judge(edges.groups, edges.curvature, 1, two, kJoint), UsageError,
                        (Says{{"0.01", "0.02", "--lambda-origin"}}));
  edges.curvature.matrix.clear();
  BOOST_CHECK_EXCEPTION(judge(edges.groups, edges.curvature, 1, {}, kJoint), UsageError, (Says{{"0 entries, 12"}}));
}

BOOST_AUTO_TEST_SUITE_END()
