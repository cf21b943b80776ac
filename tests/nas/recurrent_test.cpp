// Recurrent networks, their states as groups of weights, and the order of a system found again.
#include <cmath>

#include "autograd/reverse.h"
#include "engine/math.h"
#include "nas/recurrent/identify.h"
#include "ops/squared_error/squared_error.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using boost::test_tools::per_element;
using boost::test_tools::tolerance;
using test::noise;
using test::read;

namespace {

std::unique_ptr<RecurrentNetwork> make_network(const RecurrentSpec& spec, std::uint64_t seed = 1) {
  Initial initial{.seed = seed, .dtype = DType::kFloat64};
  auto network = std::make_unique<RecurrentNetwork>(spec, initial);
  std::uint64_t stream = 1;
  for (Parameter* parameter : network->state())
    fill_normal(parameter->value, {.seed = seed, .purpose = Purpose::kTest, .step = stream++});
  return network;
}

Tensor outputs_of(RecurrentNetwork& network, const Tensor& inputs) {
  return network.forward({}, Variable(inputs)).value();
}

const RecurrentSpec kTwoTanh{.cell = RecurrentCell::kTanh, .inputs = 3, .states = {4, 5}, .outputs = 2};
const RecurrentSpec kTwoLstm{.cell = RecurrentCell::kLstm, .inputs = 3, .states = {4, 5}, .outputs = 2};

void zero_group(const WeightGroup& group, const std::vector<Parameter*>& parameters) {
  for_each_entry(group, [&](std::size_t p, std::int64_t i) { test::write(parameters[p]->value, i, 0.0); });
}

/// Recordings of a system with two states and three inputs, of which it reads the first two, with noise of deviation
/// 0.01.
Recordings recordings_of(RecurrentNetwork& system, std::uint64_t seed) {
  Tensor inputs = noise({16, 8, 3}, DType::kFloat64, 900 + seed);
  Tensor outputs = outputs_of(system, inputs.slice(2, 0, 2).contiguous());
  axpy(0.01, noise(outputs.shape(), DType::kFloat64, 950 + seed), outputs);
  return {.inputs = inputs, .outputs = outputs};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(recurrent)

BOOST_AUTO_TEST_CASE(a_tanh_cell_computes_the_recursion_it_names) {
  const auto network = make_network({.inputs = 2, .states = {3}, .outputs = 2});
  const Tensor u = noise({1, 4, 2}, DType::kFloat64, 1), y = outputs_of(*network, u);
  const RecurrentNetwork::Layer& layer = network->layers()[0];
  std::vector<double> x(3, 0.0);
  for (std::int64_t t = 0; t < 4; ++t) {
    std::vector<double> next(3);
    for (std::int64_t n = 0; n < 3; ++n) {
      double a = read(layer.bias->value, n);
      for (std::int64_t k = 0; k < 2; ++k)
        a += read(layer.input->value, n * 2 + k) * read(u, t * 2 + k);
      for (std::int64_t k = 0; k < 3; ++k)
        a += read(layer.state->value, n * 3 + k) * x[static_cast<std::size_t>(k)];
      next[static_cast<std::size_t>(n)] = std::tanh(a);
    }
    x = next;
    for (std::int64_t o = 0; o < 2; ++o) {
      double sum = read(network->readout_bias().value, o);
      for (std::int64_t n = 0; n < 3; ++n)
        sum += read(network->readout().value, o * 3 + n) * x[static_cast<std::size_t>(n)];
      BOOST_TEST(read(y, t * 2 + o) == sum, tolerance(1e-12));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_lstm_cell_computes_the_recursion_it_names) {
  const auto network = make_network({.cell = RecurrentCell::kLstm, .inputs = 1, .states = {2}, .outputs = 1});
  const Tensor u = noise({1, 3, 1}, DType::kFloat64, 2), y = outputs_of(*network, u);
  const RecurrentNetwork::Layer& layer = network->layers()[0];
  const auto sigma = [](double a) { return 1.0 / (1.0 + std::exp(-a)); };
  std::array<double, 2> x{}, c{};
  for (std::int64_t t = 0; t < 3; ++t) {
    std::array<double, 8> a{};
    for (std::int64_t r = 0; r < 8; ++r)
      a[static_cast<std::size_t>(r)] = read(layer.bias->value, r) + read(layer.input->value, r) * read(u, t) +
                                       read(layer.state->value, 2 * r) * x[0] +
                                       read(layer.state->value, 2 * r + 1) * x[1];
    double sum = read(network->readout_bias().value, 0);
    for (std::size_t n = 0; n < 2; ++n) {
      c[n] = sigma(a[2 + n]) * c[n] + sigma(a[n]) * std::tanh(a[4 + n]);
      x[n] = sigma(a[6 + n]) * std::tanh(c[n]);
      sum += read(network->readout().value, static_cast<std::int64_t>(n)) * x[n];
    }
    BOOST_TEST(read(y, t) == sum, tolerance(1e-12));
  }
}

BOOST_AUTO_TEST_CASE(a_state_s_group_holds_its_rows_and_columns_once) {
  const auto network = make_network(kTwoTanh);
  const std::vector<Parameter*> parameters = network->parameters(ParameterKind::kWeight);
  const std::vector<WeightGroup> groups = state_groups(*network, parameters);
  BOOST_TEST(groups.size() == 9u);
  for (const WeightGroup& group : groups)
    GroupFamily("one", {&group, 1}).require_disjoint(sizes_of(parameters));
  BOOST_TEST(groups[2].name == "state 2 of layer 0");
  BOOST_TEST(count_entries(groups[2]) == 4 + 3 + 3 + 5);  // row and column of W_x, rows of W_i, column of the next W_i
  BOOST_TEST(count_entries(groups[8]) == 5 + 4 + 4 + 2);
  const auto lstm = make_network(kTwoLstm);
  const std::vector<Parameter*> weights = lstm->parameters(ParameterKind::kWeight);
  BOOST_TEST(count_entries(state_groups(*lstm, weights)[2]) == 4 * (4 + 3 + 3) + 20);
  BOOST_TEST(count_entries(input_groups(*lstm, weights)[1]) == 16);
}

BOOST_AUTO_TEST_CASE(removing_an_inactive_state_takes_its_rows_and_columns_together_and_leaves_the_outputs) {
  for (const RecurrentSpec& spec : {kTwoTanh, kTwoLstm}) {
    const auto network = make_network(spec);
    const std::vector<Parameter*> parameters = network->parameters(ParameterKind::kWeight);
    zero_group(state_groups(*network, parameters)[1], parameters);
    zero_group(state_groups(*network, parameters)[4 + 3], parameters);
    zero_group(input_groups(*network, parameters)[0], parameters);
    const KeptStates kept = kept_states(*network);
    BOOST_TEST(kept.states[0] == (std::vector<std::int64_t>{0, 2, 3}), per_element());
    BOOST_TEST(kept.states[1] == (std::vector<std::int64_t>{0, 1, 2, 4}), per_element());
    BOOST_TEST(kept.inputs == (std::vector<std::int64_t>{1, 2}), per_element());

    const auto smaller = without_removed(*network, kept);
    const std::int64_t gates = network->gates();
    BOOST_TEST(smaller->layers()[0].state->value.shape() == (Shape{gates * 3, 3}));
    BOOST_TEST(smaller->layers()[0].input->value.shape() == (Shape{gates * 3, 2}));
    BOOST_TEST(smaller->layers()[1].input->value.shape() == (Shape{gates * 4, 3}));
    BOOST_TEST(smaller->readout().value.shape() == (Shape{2, 4}));
    const Tensor u = noise({2, 5, 3}, DType::kFloat64, 3);
    const Tensor y = outputs_of(*smaller, u.slice(2, 1, 3).contiguous());
    BOOST_TEST(test::relative_gap(y, outputs_of(*network, u)) < 1e-14);
  }
}

BOOST_AUTO_TEST_CASE(removing_an_active_state_changes_the_outputs) {
  const auto network = make_network(kTwoTanh);
  const auto smaller = without_removed(*network, {.states = {{0, 2, 3}, {0, 1, 2, 3, 4}}, .inputs = {0, 1, 2}});
  const Tensor u = noise({2, 5, 3}, DType::kFloat64, 3);
  BOOST_TEST(test::relative_gap(outputs_of(*smaller, u), outputs_of(*network, u)) > 1e-3);
}

BOOST_AUTO_TEST_CASE(what_would_leave_nothing_and_unknown_states_are_refused) {
  const auto network = make_network(kTwoTanh);
  const auto refuses = [&](const KeptStates& kept) { BOOST_CHECK_THROW(without_removed(*network, kept), UsageError); };
  refuses({.states = {{}, {0}}, .inputs = {0}});
  refuses({.states = {{0}, {0}}, .inputs = {}});
  refuses({.states = {{0, 4}, {0}}, .inputs = {0}});
  refuses({.states = {{1, 0}, {0}}, .inputs = {0}});
  refuses({.states = {{0}}, .inputs = {0}});
  BOOST_CHECK_THROW(make_network({.states = {}}), UsageError);
  BOOST_CHECK_THROW(outputs_of(*network, noise({2, 5, 2}, DType::kFloat64, 3)), ShapeError);
}

BOOST_AUTO_TEST_CASE(second_derivatives_are_exact_by_tangents_and_refused_by_reverse_sweeps) {
  for (const RecurrentCell cell : {RecurrentCell::kTanh, RecurrentCell::kLstm}) {
    const auto network = make_network({.cell = cell, .inputs = 2, .states = {2}, .outputs = 1});
    const Tensor u = noise({3, 4, 2}, DType::kFloat64, 4), target = noise({3, 4}, DType::kFloat64, 5);
    const auto build = [&](Tape& tape) {
      return squared_error(network->forward({.tape = &tape}, Variable(u)), Variable(target));
    };
    Tape tape;
    const Variable loss = build(tape);
    const std::vector<Parameter*> weights = network->parameters(ParameterKind::kWeight);
    const HessianResult exact = hessian_diagonal(loss, weights);
    BOOST_TEST((exact.algorithm == HessianAlgorithm::kForward));
    for (std::size_t p = 0; p < weights.size(); ++p) {
      for (std::int64_t i = 0; i < std::min<std::int64_t>(weights[p]->value.numel(), 3); ++i)
        BOOST_TEST(std::abs(exact.diagonal[p].data<double>()[i] - hessian_by_difference(build, *weights[p], i)) < 1e-7);
    }
    const HessianResult gauss_newton = hessian_diagonal(loss, weights, {.curvature = Curvature::kGaussNewton});
    for (const Tensor& diagonal : gauss_newton.diagonal) {
      for (double h : diagonal.span<double>())
        BOOST_TEST(h >= 0.0);
    }
    BOOST_CHECK_THROW(hessian_diagonal(loss, weights, {.algorithm = HessianAlgorithm::kReverse}), Error);
  }
}

/// Does a network of five states find that the system of this seed has two, and which inputs it reads?
bool finds_the_order(std::uint64_t seed, const IdentifyOptions& options) {
  const auto system = make_network({.inputs = 2, .states = {2}, .outputs = 2}, 10 + seed);
  const Recordings recordings = recordings_of(*system, seed);
  Initial initial{.seed = seed, .dtype = DType::kFloat64};
  RecurrentNetwork network({.inputs = 3, .states = {5}, .outputs = 2}, initial);
  const Identified found = identify(network, recordings, options);
  BOOST_TEST_MESSAGE("seed " << seed << ": " << found.kept.states[0].size() << " states, " << found.kept.inputs.size()
                             << " inputs, error " << found.error);
  const Tensor inputs =
      found.kept.inputs.size() == 3 ? recordings.inputs : recordings.inputs.slice(2, 0, 2).contiguous();
  const Tensor outputs = outputs_of(*found.network, inputs);
  BOOST_TEST(test::relative_gap(outputs, outputs_of(network, recordings.inputs)) < 1e-12);
  return found.kept.states[0].size() == 2 && found.kept.inputs == std::vector<std::int64_t>{0, 1};
}

// Of systems with weights N(0, 1). The loss has other minima: of six seeds the sixth ends at one with an order too
// many.
BOOST_AUTO_TEST_CASE(the_order_of_a_system_is_found_by_a_network_with_more_states_and_inputs) {
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    found += finds_the_order(seed, {});
  BOOST_TEST(found >= 2);
}

BOOST_AUTO_TEST_CASE(group_lasso_of_the_same_lambda_keeps_too_many_states) {
  BOOST_TEST(!finds_the_order(1, {.is_updated = false}));
}

BOOST_AUTO_TEST_SUITE_END()
