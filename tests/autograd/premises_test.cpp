// What the checks of ops are for: toy ops that say wrong things of themselves, or do them, are found.
#include <cmath>

#include "autograd/gradcheck/gradcheck.h"
#include "autograd/hessian.h"
#include "ops/ops.h"
#include "tests/autograd/toy_ops.h"
#include "tests/autograd/values.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::test;

namespace {

using Names = std::vector<std::string>;

Names failures(const std::vector<CheckResult>& results) {
  Names names;
  for (const CheckResult& result : results) {
    if (!result.passed())
      names.push_back(result.check);
  }
  return names;
}

void check_failures(const OpSample& sample, const Names& expected) {
  for (std::uint64_t seed : {1u, 2u})
    BOOST_TEST(failures(check_sample(sample, seed)) == expected, boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(premises)

BOOST_AUTO_TEST_CASE(ops_that_tell_the_truth_pass) {
  check_failures(squared_scale({}), {});
  check_failures(adds_total(true), {});
  check_failures(magnitude(Smoothness::kPiecewise), {});
  check_failures(odd_only(false), {});
  check_failures(twice({}), {});
  check_failures(twice({.has_tangent = false, .passes_cotangents_on = false, .says_has_derivative = false}), {});
}

BOOST_AUTO_TEST_CASE(real_ops_with_weights_pass) {
  for (const OpCase& op_case : OpRegistry::instance().cases()) {
    if (op_case.name == "linear" || op_case.name == "batch_norm_eval" || op_case.name == "softmax_cross_entropy")
      BOOST_TEST(failures(check_case(op_case)) == Names{}, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(wrong_passes_are_found) {
  check_failures(squared_scale({.fault = Fault::kValue}), {"value"});
  check_failures(squared_scale({.fault = Fault::kVjp}), {"transpose"});
  check_failures(squared_scale({.fault = Fault::kOverwrites}), {"slots"});
  check_failures(squared_scale({.fault = Fault::kCurvature}), {"curvature"});
  check_failures(squared_scale({.fault = Fault::kOneDirection}), {"directions"});
  check_failures(squared_scale({.fault = Fault::kSumsOfChannels}), {"diagonal of input 1"});
}

BOOST_AUTO_TEST_CASE(a_curved_op_that_says_multilinear_is_found) {
  check_failures(squared_scale({.algebra = Algebra::kMultilinear}), {"factors"});
}

BOOST_AUTO_TEST_CASE(a_curved_op_that_says_linear_is_found) {
  check_failures(squared_scale({.algebra = Algebra::kLinear}), {"curvature", "factors"});
}

BOOST_AUTO_TEST_CASE(a_kink_that_is_kept_secret_is_found) {
  check_failures(magnitude(Smoothness::kTwice), {"factors"});
}

BOOST_AUTO_TEST_CASE(a_sum_over_the_batch_that_says_it_couples_nothing_is_found) {
  check_failures(adds_total(false), {"rows"});
}

BOOST_AUTO_TEST_CASE(an_op_that_says_it_couples_and_never_does_is_found) {
  const OpCase honest{.name = "toy", .samples = {squared_scale({})}, .is_serial = true};
  BOOST_TEST(failures(check_case(honest)).empty());
  const OpCase boasts{.name = "toy", .samples = {squared_scale({.couples = true})}, .is_serial = true};
  BOOST_TEST(failures(check_case(boasts)) == Names{"couples"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_sample_that_couples_is_enough) {
  OpSample alone = adds_total(true);
  alone.inputs[0].shape = {1, 4};
  BOOST_TEST(failures(check_case({.name = "toy", .samples = {alone, adds_total(true)}})).empty());
  BOOST_TEST(failures(check_case({.name = "toy", .samples = {alone}})) == Names{"couples"},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_weight_that_is_declared_as_samples_is_found) {
  check_failures(squared_scale({.s_is_shared = false}), {"rows", "diagonal of input 1"});
}

BOOST_AUTO_TEST_CASE(samples_that_are_declared_as_a_weight_are_found) {
  check_failures(squared_scale({.x_is_shared = true}), {"parameters"});
}

BOOST_AUTO_TEST_CASE(an_input_that_is_declared_constant_but_gets_a_cotangent_is_found) {
  check_failures(squared_scale({.s_has_derivative = false}), {"constants"});
}

BOOST_AUTO_TEST_CASE(an_output_that_is_declared_constant_and_is_not_is_found) {
  check_failures(twice({.passes_cotangents_on = false, .says_has_derivative = false}), {"constants"});
  check_failures(twice({.has_tangent = false, .says_has_derivative = false}), {"constants"});
}

BOOST_AUTO_TEST_CASE(labels_that_are_declared_differentiable_are_found) {
  check_failures(odd_only(true), {"constants"});
}

BOOST_AUTO_TEST_CASE(a_diagonal_that_no_sample_names_is_found) {
  OpSample sample = squared_scale({});
  sample.diagonal_inputs = {};
  check_failures(sample, {"diagonal of input 1"});
}

BOOST_AUTO_TEST_CASE(a_sum_whose_order_depends_on_the_threads_is_found) {
  check_failures(adds_total(true, true), {"repeat"});
}

BOOST_AUTO_TEST_CASE(a_check_of_threads_that_could_not_fail_is_found) {
  const OpCase silent{.name = "toy", .samples = {squared_scale({})}};
  BOOST_TEST(failures(check_case(silent)) == Names{"chunks"}, boost::test_tools::per_element());
  const OpCase denies{.name = "toy", .samples = {adds_total(true)}, .is_serial = true};
  BOOST_TEST(failures(check_case(denies)) == Names{"chunks"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(another_number_of_inputs_is_refused_by_the_tape_and_by_the_checks) {
  const auto op = std::make_shared<const SquaredScale>(Claims{});
  const Says says{{"squared_scale()", "takes 2 inputs, got 1"}};
  BOOST_CHECK_EXCEPTION(record_one(op, {noise({2, 3}, 1)}), ShapeError, says);
  OpSample sample = squared_scale({});
  sample.inputs.pop_back();
  BOOST_CHECK_EXCEPTION(check_sample(sample), ShapeError, says);
}

// Why the premises are checked: algorithm R believes them, and is wrong without a word where one is false.
BOOST_AUTO_TEST_CASE(the_planner_is_misled_by_a_false_declaration) {
  Parameter s{.name = "s", .value = Tensor::from({0.8}, {1})};
  Parameter* const one[] = {&s};
  const Tensor labels = Tensor::from<std::int64_t>({1, 0, 2}, {3});
  const auto planned = [&](Algebra claim) {
    const auto op = std::make_shared<const SquaredScale>(Claims{.algebra = claim});
    const auto loss = [&](Tape& tape) {
      return softmax_cross_entropy(record_one(op, {noise({3, 4}, 2), tape.leaf(s)}), labels);
    };
    Tape tape;
    const HessianResult result = hessian_diagonal(loss(tape), one);
    return std::pair(result, hessian_by_difference(loss, s, 0));
  };
  const auto [right, truth] = planned(Algebra::kCurved);
  BOOST_TEST(static_cast<int>(right.algorithm) == static_cast<int>(HessianAlgorithm::kForward));
  BOOST_TEST(std::abs(right.diagonal[0].item() - truth) < 1e-6);
  const auto [wrong, same_truth] = planned(Algebra::kMultilinear);
  BOOST_TEST(static_cast<int>(wrong.algorithm) == static_cast<int>(HessianAlgorithm::kReverse));
  BOOST_TEST(std::abs(wrong.diagonal[0].item() - same_truth) > 0.1);
}

BOOST_AUTO_TEST_SUITE_END()
