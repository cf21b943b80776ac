// Which algorithm a request gets, why, and which requests are refused.
#include <cmath>

#include "autograd/hessian.h"
#include "autograd/reverse.h"
#include "engine/allocator.h"
#include "tests/autograd/branching_net.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::BranchingNet;
using ockham::test::noise;
using ockham::test::Says;

namespace {

const Tensor kLabels = Tensor::from<std::int64_t>({1, 0, 2}, {3});

/// A program that R cannot do: R must be refused with the reason, and the planner must give the true value by F.
void check_obstacle(const std::function<Variable(Tape&)>& build_loss, Parameter& parameter, std::string_view reason) {
  Parameter* const one[] = {&parameter};
  Tape tape;
  const Variable loss = build_loss(tape);
  const auto obstacle = reverse_obstacle(tape, loss, one);
  BOOST_TEST_REQUIRE(obstacle.has_value());
  BOOST_TEST(obstacle->find(reason) != std::string::npos, *obstacle << " lacks " << reason);
  BOOST_CHECK_EXCEPTION(hessian_diagonal(loss, one, {.algorithm = HessianAlgorithm::kReverse}), Error,
                        (Says{{"algorithm R is not exact here", reason, "use algorithm F"}}));
  const HessianResult planned = hessian_diagonal(loss, one);
  BOOST_TEST(static_cast<int>(planned.algorithm) == static_cast<int>(HessianAlgorithm::kForward));
  BOOST_TEST(planned.reason == *obstacle);
  BOOST_TEST(planned.columns == parameter.value.numel());
  for (std::int64_t i = 0; i < parameter.value.numel(); ++i)
    BOOST_TEST(std::abs(planned.diagonal[0].data<double>()[i] - hessian_by_difference(build_loss, parameter, i)) <
               1e-6);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(planner)

BOOST_AUTO_TEST_CASE(reverse_is_chosen_where_its_premises_hold) {
  BranchingNet net;
  Tape tape;
  const HessianResult result = hessian_diagonal(net.loss(tape), net.all());
  BOOST_TEST(static_cast<int>(result.algorithm) == static_cast<int>(HessianAlgorithm::kReverse));
  BOOST_TEST(result.columns == BranchingNet::kClasses - 1);
  BOOST_TEST(result.reason == "every premise of algorithm R holds");
  const std::vector<std::string> piecewise = {"max_pool2d", "relu"};
  BOOST_TEST(result.piecewise == piecewise, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(batch_statistics_are_an_obstacle) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  check_obstacle([&](Tape& tape) { return net.loss(tape); }, net.gamma, "couples the samples");
}

BOOST_AUTO_TEST_CASE(batch_statistics_above_the_parameters_are_none) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  Tape tape;
  BOOST_TEST(!reverse_obstacle(tape, net.loss(tape), net.switches()).has_value());
}

BOOST_AUTO_TEST_CASE(a_shared_parameter_is_an_obstacle) {
  BranchingNet net{.shares_switches = true};
  check_obstacle([&](Tape& tape) { return net.loss(tape); }, net.alpha0,
                 "parameter alpha0 is shared: used by weighted_sum and again by weighted_sum");
}

BOOST_AUTO_TEST_CASE(a_softmax_over_switches_is_an_obstacle) {
  Parameter logits{.name = "logits", .value = noise({2}, 1)};
  const std::vector<Variable> branches = {noise({3, 4}, 2), noise({3, 4}, 3)};
  check_obstacle(
      [&](Tape& tape) { return softmax_cross_entropy(weighted_sum(softmax(tape.leaf(logits)), branches), kLabels); },
      logits, "softmax is curved");
}

BOOST_AUTO_TEST_CASE(a_smooth_activation_below_is_an_obstacle) {
  Parameter w{.name = "w", .value = noise({4, 2}, 1)};
  check_obstacle(
      [&](Tape& tape) {
        return softmax_cross_entropy(silu(linear(noise({3, 2}, 2), tape.leaf(w))), kLabels);
      },
      w, "silu is curved");
}

BOOST_AUTO_TEST_CASE(a_product_of_two_dependent_values_is_an_obstacle) {
  Parameter w{.name = "w", .value = noise({4, 2}, 1)};
  check_obstacle(
      [&](Tape& tape) {
        const Variable y = linear(noise({3, 2}, 2), tape.leaf(w));
        return softmax_cross_entropy(mul(y, relu(y)), kLabels);
      },
      w, "mul multiplies two values");
}

// R would square the gradient of the whole batch instead of the samples' ones.
BOOST_AUTO_TEST_CASE(a_switch_that_scales_a_weight_is_an_obstacle) {
  Parameter s{.name = "s", .value = noise({}, 1)};
  check_obstacle(
      [&](Tape& tape) {
        return softmax_cross_entropy(linear(noise({3, 2}, 2), scale(noise({4, 2}, 3), tape.leaf(s))), kLabels);
      },
      s, "linear shares a value that depends on the parameters between the samples");
}

BOOST_AUTO_TEST_CASE(a_parameter_with_an_entry_per_sample_is_an_obstacle) {
  Parameter shift{.name = "shift", .value = noise({3, 4}, 1)};
  check_obstacle(
      [&](Tape& tape) {
        return softmax_cross_entropy(add(noise({3, 4}, 2), tape.leaf(shift)), kLabels);
      },
      shift, "add has no gradient per sample for parameter shift");
  check_obstacle([&](Tape& tape) { return softmax_cross_entropy(tape.leaf(shift), kLabels); }, shift,
                 "softmax_cross_entropy has no gradient per sample for parameter shift");
}

BOOST_AUTO_TEST_CASE(more_tangents_than_the_limit_are_refused_with_both_numbers) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  Tape tape;
  const std::vector<Parameter*> stem = {&net.stem};
  BOOST_CHECK_EXCEPTION(hessian_diagonal(net.loss(tape), stem, {.max_tangents = 53}), Error,
                        (Says{{"54 entries", "limit of 53", "C - 1 reverse"}}));
}

BOOST_AUTO_TEST_CASE(memory_limits_lower_the_directions_or_refuse) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<Parameter*> stem = {&net.stem};
  const HessianResult free = hessian_diagonal(loss, stem);
  BOOST_TEST(free.directions > 20);
  CachingAllocator& memory = CachingAllocator::instance();
  memory.reset_peak();
  const std::size_t before = memory.statistics().bytes_in_use;
  hessian_diagonal(loss, stem, {.directions = 1});
  const std::size_t one = memory.statistics().peak_bytes;
  // A direction's tangents: 4 samples, 3 channels, 5x6 doubles in the mix, its three branches and their input.
  const std::size_t limit = one + 8 * 2880;
  memory.reset_peak();
  const HessianResult tight = hessian_diagonal(loss, stem, {.memory_limit = limit});
  BOOST_TEST(memory.statistics().peak_bytes <= limit);
  BOOST_TEST(tight.directions >= 2);
  BOOST_TEST(tight.directions <= 4);
  const HessianResult given = hessian_diagonal(loss, stem, {.directions = 100, .memory_limit = limit});
  BOOST_TEST(given.directions == tight.directions);
  BOOST_TEST(tight.diagonal[0].span<double>() == free.diagonal[0].span<double>(), boost::test_tools::per_element());
  BOOST_CHECK_EXCEPTION(
      hessian_diagonal(loss, stem, {.memory_limit = before + 2880}), Error,
      (Says{{"one direction needs", "in use", concat("limit of ", before + 2880), "lower the Hessian batch"}}));
}

BOOST_AUTO_TEST_CASE(a_cache_holds_the_directions_of_the_largest_tensor) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<Parameter*> stem = {&net.stem};
  // 54 entries in groups of at most 10: six of nine each. The largest tensor has 2880 bytes.
  BOOST_TEST(hessian_diagonal(loss, stem, {.cache_bytes = 10 * 2880 + 2879}).directions == 9);
  BOOST_TEST(hessian_diagonal(loss, stem, {.cache_bytes = 1}).directions == 1);
  BOOST_TEST(cache_share() >= std::size_t{1} << 18);
}

BOOST_AUTO_TEST_CASE(a_rehearsal_takes_as_many_directions_as_the_whole_and_has_no_limit) {
  const HessianOptions whole{.cache_bytes = 4000, .memory_limit = 7};
  const HessianOptions rehearsal = rehearsal_of(whole, 8, 32);
  BOOST_TEST(rehearsal.cache_bytes == 1000u);
  BOOST_TEST(rehearsal.memory_limit == 0u);
}

BOOST_AUTO_TEST_CASE(grouped_sums_are_refused_where_only_entries_can_be_had) {
  BranchingNet net{.mode = BatchNormMode::kBatch};
  Tape tape;
  const std::vector<Parameter*> stem = {&net.stem};
  BOOST_CHECK_EXCEPTION(hessian_diagonal(net.loss(tape), stem, {.grouping = Grouping::kFilter}), Error,
                        (Says{{"grouped sums need algorithm R"}}));
}

BOOST_AUTO_TEST_CASE(programs_that_do_not_end_in_a_loss_are_refused) {
  Parameter w{.name = "w", .value = noise({4, 2}, 1)};
  Parameter* const one[] = {&w};
  Tape tape;
  BOOST_CHECK_EXCEPTION(hessian_diagonal(sum(tape.leaf(w)), one), Error, (Says{{"last op is sum", "no loss"}}));
  BOOST_CHECK_EXCEPTION(hessian_diagonal(softmax_cross_entropy(noise({3, 4}, 2), kLabels), one), Error,
                        (Says{{"no parameter"}}));
}

BOOST_AUTO_TEST_CASE(requests_on_a_freed_tape_or_for_a_parameter_twice_are_refused) {
  BranchingNet net;
  Tape tape;
  const Variable loss = net.loss(tape);
  const std::vector<Parameter*> twice = {&net.alpha0, &net.left, &net.alpha0};
  BOOST_CHECK_EXCEPTION(hessian_diagonal(loss, twice), Error, (Says{{"alpha0", "twice"}}));
  backward(loss);
  BOOST_CHECK_EXCEPTION(hessian_diagonal(loss, net.switches()), Error, (Says{{"freed", "keeps_saved"}}));
  BOOST_CHECK_EXCEPTION(hessian_diagonal(loss, net.switches(), {.curvature = Curvature::kRecursion}), Error,
                        (Says{{"freed"}}));
}

BOOST_AUTO_TEST_CASE(the_difference_check_leaves_its_parameter_as_it_was) {
  BranchingNet net;
  const Tensor value = net.stem.value;
  const auto fails = [&](Tape& tape) -> Variable {
    net.loss(tape);
    throw Error("no loss today");
  };
  hessian_by_difference([&](Tape& tape) { return net.loss(tape); }, net.stem, 3);
  BOOST_TEST(net.stem.value.shares_storage_with(value));
  BOOST_TEST(!net.stem.grad.is_defined());
  BOOST_CHECK_THROW(hessian_by_difference(fails, net.stem, 3), Error);
  BOOST_TEST(net.stem.value.shares_storage_with(value));
  BOOST_CHECK_EXCEPTION(hessian_by_difference(fails, net.stem, 54), Error, (Says{{"stem", "no entry 54", "54"}}));
}

BOOST_AUTO_TEST_SUITE_END()
