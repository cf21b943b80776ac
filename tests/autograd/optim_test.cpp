#include <cmath>
#include <limits>

#include "autograd/optim/adam.h"
#include "autograd/optim/sgd.h"
#include "engine/allocator.h"
#include "engine/parallel.h"
#include "engine/random.h"
#include "tests/autograd/values.h"
#include "tests/support.h"

using namespace ockham;
using ockham::test::make_parameter;
using ockham::test::Says;

namespace {

void set_gradient(Parameter& parameter, std::vector<double> values) {
  parameter.grad = Tensor::from(values, parameter.value.shape());
}

void check_values(const Tensor& tensor, const std::vector<double>& expected) {
  BOOST_TEST(tensor.span<double>() == expected, boost::test_tools::tolerance(1e-14)
                                                    << boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(optim)

// w = (1, -2), g = (0.5, 1) then (1, 0); lr 0.1, momentum 0.9, weight decay 0.01.
BOOST_AUTO_TEST_CASE(sgd_with_momentum_and_decay_equals_the_hand_computation) {
  Parameter w = make_parameter("w", {1.0, -2.0});
  Sgd sgd({&w}, {.momentum = 0.9, .weight_decay = 0.01});
  set_gradient(w, {0.5, 1.0});
  sgd.step(0.1);
  check_values(w.value, {1.0 - 0.1 * 0.51, -2.0 - 0.1 * 0.98});  // v = g + 0.01 w = (0.51, 0.98)
  set_gradient(w, {1.0, 0.0});
  sgd.step(0.1);
  const double v0 = 0.9 * 0.51 + 1.0 + 0.01 * 0.949;
  const double v1 = 0.9 * 0.98 - 0.01 * 2.098;
  check_values(w.value, {0.949 - 0.1 * v0, -2.098 - 0.1 * v1});
}

BOOST_AUTO_TEST_CASE(decay_may_spare_parameters_of_one_dimension) {
  Parameter norm = make_parameter("norm", {2.0});
  Parameter matrix{.name = "matrix", .value = Tensor::from(std::vector<double>{2.0}, {1, 1})};
  for (bool decays_vectors : {true, false}) {
    Sgd sgd({&norm, &matrix}, {.momentum = 0.0, .weight_decay = 0.5, .decays_vectors = decays_vectors});
    for (Parameter* parameter : {&norm, &matrix}) {
      parameter->value = Tensor::from(std::vector<double>{2.0}, parameter->value.shape());
      set_gradient(*parameter, {0.0});
    }
    sgd.step(0.1);
    check_values(norm.value, {decays_vectors ? 1.9 : 2.0});
    check_values(matrix.value, {1.9});
  }
}

BOOST_AUTO_TEST_CASE(nesterov_looks_one_step_ahead) {
  Parameter w = make_parameter("w", {1.0});
  Sgd sgd({&w}, {.momentum = 0.9, .nesterov = true});
  set_gradient(w, {0.5});
  sgd.step(0.1);
  check_values(w.value, {1.0 - 0.1 * (0.5 + 0.9 * 0.5)});
  set_gradient(w, {2.0});
  sgd.step(0.1);
  check_values(w.value, {0.905 - 0.1 * (2.0 + 0.9 * (0.9 * 0.5 + 2.0))});
}

BOOST_AUTO_TEST_CASE(cleared_gradients_give_their_memory_back_and_move_nothing) {
  Parameter w = make_parameter("w", std::vector<double>(100, 1.0));
  const std::size_t without = CachingAllocator::instance().statistics().bytes_in_use;
  set_gradient(w, std::vector<double>(100, 0.5));
  BOOST_TEST(CachingAllocator::instance().statistics().bytes_in_use > without);
  clear_gradients({&w});
  BOOST_TEST(CachingAllocator::instance().statistics().bytes_in_use == without);
  Sgd sgd({&w}, {});
  sgd.step(0.1);
  check_values(w.value, std::vector<double>(100, 1.0));
}

BOOST_AUTO_TEST_CASE(the_bias_rate_is_a_factor_for_what_is_named_bias_alone) {
  const auto named = [](const char* name) {
    return Parameter{.name = name, .value = Tensor::from({1.0, 2.0}, {2}), .grad = Tensor::from({0.5, 0.25}, {2})};
  };
  Parameter shift = named("group1.norm1.bias"), scale = named("group1.norm1.weight"), unbiased = named("unbias");
  Sgd sgd({&shift, &scale, &unbiased}, {.momentum = 0.0, .bias_rate = 64.0});
  sgd.step(1.0 / 64.0);
  BOOST_TEST(shift.value.data<double>()[0] == 0.5);
  BOOST_TEST(shift.value.data<double>()[1] == 1.75);
  for (const Parameter* other : {&scale, &unbiased})
    BOOST_TEST(other->value.data<double>()[0] == 1.0 - 0.5 / 64.0);
}

BOOST_AUTO_TEST_CASE(sgd_never_decays_switches) {
  Parameter w = make_parameter("alpha", {1.0});
  w.kind = ParameterKind::kSwitch;
  Sgd sgd({&w}, {.momentum = 0.0, .weight_decay = 0.5});
  set_gradient(w, {0.0});
  sgd.step(1.0);
  check_values(w.value, {1.0});
}

BOOST_AUTO_TEST_CASE(adam_equals_the_hand_computation_for_two_steps) {
  Parameter w = make_parameter("w", {1.0});
  Adam adam({&w}, {.beta1 = 0.5, .beta2 = 0.999, .epsilon = 1e-8, .weight_decay = 0.1});
  set_gradient(w, {0.4});
  adam.step(0.01);
  const double g1 = 0.4 + 0.1 * 1.0;
  const double w1 = 1.0 - 0.01 * g1 / (g1 + 1e-8);  // both bias corrections cancel in the first step
  check_values(w.value, {w1});
  set_gradient(w, {-1.0});
  adam.step(0.01);
  const double g2 = -1.0 + 0.1 * w1;
  const double mean = (0.5 * 0.5 * g1 + 0.5 * g2) / (1.0 - 0.25);
  const double square = (0.999 * 0.001 * g1 * g1 + 0.001 * g2 * g2) / (1.0 - 0.999 * 0.999);
  check_values(w.value, {w1 - 0.01 * mean / (std::sqrt(square) + 1e-8)});
}

BOOST_AUTO_TEST_CASE(a_parameter_without_a_gradient_stays) {
  Parameter used = make_parameter("used", {1.0});
  Parameter idle = make_parameter("idle", {1.0});
  set_gradient(used, {1.0});
  Sgd({&used, &idle}, {.weight_decay = 0.5}).step(0.1);
  Adam({&used, &idle}, {.weight_decay = 0.5}).step(0.1);
  check_values(idle.value, {1.0});
  BOOST_TEST(used.value.item() < 1.0);
}

template <class Optimiser, class Options>
void check_round_trip(const Options& options) {
  Parameter straight = make_parameter("w", {1.0, -2.0, 3.0});
  Parameter resumed = make_parameter("w", {1.0, -2.0, 3.0});
  Optimiser first({&straight}, options);
  Optimiser before({&resumed}, options);
  for (int step = 0; step < 3; ++step) {
    set_gradient(straight, {0.5, 1.0 * step, -2.0});
    set_gradient(resumed, {0.5, 1.0 * step, -2.0});
    first.step(0.1);
    before.step(0.1);
  }
  Optimiser after({&resumed}, options);
  after.load(before.state());
  for (int step = 0; step < 2; ++step) {
    set_gradient(straight, {-0.5, 1.0, 0.25 * step});
    set_gradient(resumed, {-0.5, 1.0, 0.25 * step});
    first.step(0.1);
    after.step(0.1);
  }
  BOOST_TEST(straight.value.span<double>() == resumed.value.span<double>(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_loaded_state_goes_on_with_the_same_bits) {
  check_round_trip<Sgd>(SgdOptions{.momentum = 0.9, .weight_decay = 1e-4, .nesterov = true});
  check_round_trip<Adam>(AdamOptions{.beta1 = 0.5, .weight_decay = 1e-3});
}

BOOST_AUTO_TEST_CASE(a_loaded_state_shares_no_memory_with_the_checkpoint) {
  Parameter w = make_parameter("w", {1.0});
  Sgd sgd({&w}, {});
  const std::map<std::string, Tensor> checkpoint = {{"momentum.w", Tensor::from({2.0}, {1})}};
  sgd.load(checkpoint);
  set_gradient(w, {1.0});
  sgd.step(0.1);
  BOOST_TEST(checkpoint.at("momentum.w").item() == 2.0);
  BOOST_TEST(sgd.momentum_of(w).item() == 0.9 * 2.0 + 1.0);
}

BOOST_AUTO_TEST_CASE(states_of_another_network_are_refused_with_both_shapes) {
  Parameter w = make_parameter("stem.0.weight", {1.0, 2.0});
  Sgd sgd({&w}, {});
  Adam adam({&w}, {});
  BOOST_CHECK_EXCEPTION(sgd.load({}), CheckpointError, (Says{{"lacks momentum.stem.0.weight"}}));
  BOOST_CHECK_EXCEPTION(sgd.load({{"momentum.stem.0.weight", Tensor::zeros({3}, DType::kFloat64)}}), CheckpointError,
                        (Says{{"float64[3]", "float64[2]", "another network"}}));
  BOOST_CHECK_EXCEPTION(sgd.load({{"momentum.stem.0.weight", Tensor::zeros({2})}}), CheckpointError,
                        (Says{{"float32[2]", "float64[2]"}}));
  std::map<std::string, Tensor> state = adam.state();
  state.erase("exp_avg_sq.stem.0.weight");
  BOOST_CHECK_EXCEPTION(adam.load(state), CheckpointError, (Says{{"lacks exp_avg_sq.stem.0.weight"}}));
}

BOOST_AUTO_TEST_CASE(the_momentum_of_a_stranger_is_refused) {
  Parameter w = make_parameter("w", {1.0});
  Parameter stranger = make_parameter("stranger", {1.0});
  Sgd sgd({&w}, {});
  BOOST_CHECK_EXCEPTION(sgd.momentum_of(stranger), Error, (Says{{"stranger"}}));
}

BOOST_AUTO_TEST_CASE(clipping_scales_all_gradients_to_the_joint_norm) {
  Parameter a = make_parameter("a", {0.0, 0.0});
  Parameter b = make_parameter("b", {0.0});
  Parameter idle = make_parameter("idle", {0.0});
  set_gradient(a, {3.0, 0.0});
  set_gradient(b, {4.0});
  BOOST_TEST(clip_gradients({&a, &b, &idle}, 10.0) == 5.0);
  BOOST_TEST(b.grad.item() == 4.0);  // within the limit: untouched
  BOOST_TEST(clip_gradients({&a, &b, &idle}, 0.0) == 5.0);
  BOOST_TEST(b.grad.item() == 4.0);  // 0 is no limit
  BOOST_TEST(clip_gradients({&a, &b, &idle}, 2.5) == 5.0);
  BOOST_TEST(b.grad.item() == 2.0, boost::test_tools::tolerance(1e-6));
  BOOST_TEST(a.grad.data<double>()[0] == 1.5, boost::test_tools::tolerance(1e-6));
}

BOOST_AUTO_TEST_CASE(gradients_of_a_diverged_step_are_left_for_the_caller_to_see) {
  Parameter a = make_parameter("a", {0.0, 0.0});
  set_gradient(a, {1.0, std::numeric_limits<double>::quiet_NaN()});
  BOOST_TEST(!std::isfinite(clip_gradients({&a}, 1.0)));
  BOOST_TEST(a.grad.data<double>()[0] == 1.0);
}

// Sizes below, at and above the pieces into which the work is cut.
BOOST_AUTO_TEST_CASE(clipped_steps_have_the_same_bits_at_any_number_of_threads) {
  const auto train = [](int threads) {
    const int before = thread_count();
    set_thread_count(threads);
    std::vector<Parameter> parameters;
    for (const std::int64_t size : {1, 64, 1 << 14, (1 << 15) + 1, 100'003}) {
      Parameter& p = parameters.emplace_back(
          Parameter{.name = std::to_string(size), .value = Tensor({size}), .grad = Tensor({size})});
      fill_normal(p.value, {.seed = 1, .step = static_cast<std::uint64_t>(size)});
      fill_normal(p.grad, {.seed = 2, .step = static_cast<std::uint64_t>(size)});
    }
    std::vector<Parameter*> all;
    for (Parameter& p : parameters)
      all.push_back(&p);
    Sgd sgd(all, {.momentum = 0.9, .weight_decay = 0.1});
    Adam adam(all, {});
    const double norm = clip_gradients(all, 5.0);
    sgd.step(0.1);
    adam.step(0.1);
    set_thread_count(before);
    std::vector<double> result{norm};
    for (const Parameter& p : parameters)
      result.insert(result.end(), p.value.span<float>().begin(), p.value.span<float>().end());
    return result;
  };
  const std::vector<double> alone = train(1);
  // 149,221 squares of standard normal numbers; the deviation of their norm is 0.7.
  BOOST_TEST(std::abs(alone[0] - std::sqrt(149'221.0)) < 4.0);
  BOOST_TEST((train(2) == alone));
  BOOST_TEST((train(3) == alone));
}

BOOST_AUTO_TEST_SUITE_END()
