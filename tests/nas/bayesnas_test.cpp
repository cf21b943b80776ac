// The steps of the method on a small network: what moves, what must not, and what survives interruption.
#include "nas/methods/bayesnas/bayesnas.h"

#include "engine/allocator.h"
#include "engine/parallel.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_equal_bits;
using ockham::test::noise_batch;
using ockham::test::values_of;

namespace {

constexpr double kLr = 0.05;
constexpr double kSwitchLr = 0.05;

/// A search that owns its network; the same arguments give the same bits.
struct Search {
  explicit Search(const BayesNasOptions& options = {}, DType dtype = DType::kFloat32)
      : initial{.seed = 7, .dtype = dtype}, net(spec(), initial), method(net, options) {}

  static SupernetSpec spec() {
    SupernetSpec result = test::tiny(SupernetSpec::bayesnas(2));
    result.frame.channels = 2;
    return result;
  }
  Batch batch(std::uint64_t stream) const { return noise_batch(4, net.spec().frame, initial.dtype, stream); }
  void joint(std::uint64_t step) { method.joint_step(batch(step), kLr, kSwitchLr, step); }
  std::vector<Parameter*> weights() { return net.parameters(ParameterKind::kWeight); }

  Initial initial;
  Supernet net;
  BayesNas method;
};

bool have_equal_bits(const std::vector<Parameter*>& parameters, const std::vector<Tensor>& values) {
  return std::ranges::equal(parameters, values,
                            [](const Parameter* p, const Tensor& v) { return has_equal_bits(p->value, v); });
}

/// Makes the next update prune one operation (edge 1, operation 2) and one edge (number 2) of the reduction cell.
void starve(Supernet& net) {
  for (Parameter* parameter : net.switches(CellKind::kReduction, 1))
    test::write(parameter->value, 2, 1e-9);
  for (Parameter* parameter : net.origins(CellKind::kReduction, 2))
    test::write(parameter->value, 0, 1e-9);
}

/// Phases C to E.
int prune(Search& search, int round = 1) {
  search.method.measure_curvature(search.batch(50));
  return search.method.update_and_prune(round);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(bayesnas)

BOOST_AUTO_TEST_CASE(phase_a_leaves_the_switches_bit_identical_and_moves_the_weights) {
  Search search({.switch_sgd = {.weight_decay = 0.5}});
  const std::vector<Tensor> switches = values_of(search.net.architecture());
  const std::vector<Tensor> weights = values_of(search.weights());
  for (std::uint64_t step = 0; step < 3; ++step)
    search.method.weight_step(search.batch(step), kLr, step);
  BOOST_TEST(have_equal_bits(search.net.architecture(), switches));
  BOOST_TEST(!have_equal_bits(search.weights(), weights));
}

BOOST_AUTO_TEST_CASE(weight_decay_never_touches_switches) {
  Search plain;
  Search decayed({.switch_sgd = {.weight_decay = 0.5}});
  for (std::uint64_t step = 0; step < 2; ++step) {
    plain.joint(step);
    decayed.joint(step);
  }
  BOOST_TEST(have_equal_bits(plain.net.architecture(), values_of(decayed.net.architecture())));
}

BOOST_AUTO_TEST_CASE(penalty_is_lambda_times_the_sum_of_group_norms) {
  Search search({.posterior = {.lambda_child = 0.3, .lambda_origin = 0.2}});
  test::shake(search.net);
  double expected = 0.0;
  for (CellKind kind : {CellKind::kNormal, CellKind::kReduction}) {
    for (std::size_t e = 0; e < search.net.cell_spec(kind).edges.size(); ++e) {
      const auto squares = [&](const std::vector<Parameter*>& copies, std::int64_t i) {
        double sum = 0.0;
        for (const Parameter* parameter : copies)
          sum += std::pow(test::read(parameter->value, i), 2);
        return sum;
      };
      expected += 0.2 * std::sqrt(squares(search.net.origins(kind, e), 0));
      for (std::int64_t o = 0; o < 7; ++o)
        expected += 0.3 * std::sqrt(squares(search.net.switches(kind, e), o));
    }
  }
  BOOST_TEST(search.method.penalty() == expected, boost::test_tools::tolerance(1e-12));
}

BOOST_AUTO_TEST_CASE(gradient_of_the_penalty_matches_differences_and_is_zero_for_a_zero_group) {
  const BayesNasOptions without{.switch_sgd = {.momentum = 0.0},
                                .posterior = {.lambda_child = 0.0, .lambda_origin = 0.0}};
  BayesNasOptions with = without;
  with.posterior.lambda_child = with.posterior.lambda_origin = 0.7;
  Search plain(without, DType::kFloat64);
  Search penalised(with, DType::kFloat64);
  for (Search* search : {&plain, &penalised}) {
    test::shake(search->net);
    for (Parameter* parameter : search->net.switches(CellKind::kReduction, 0))
      test::write(parameter->value, 3, 0.0);
  }
  std::vector<double> slopes;
  for (Parameter* parameter : penalised.net.architecture()) {
    for (std::int64_t i = 0; i < parameter->value.numel(); ++i) {
      const double w = test::read(parameter->value, i);
      const auto penalty_at = [&](double value) {
        test::write(parameter->value, i, value);
        return penalised.method.penalty();
      };
      slopes.push_back((penalty_at(w + 1e-6) - penalty_at(w - 1e-6)) / 2e-6);
      test::write(parameter->value, i, w);
    }
  }
  plain.joint(0);
  penalised.joint(0);
  std::size_t at = 0;
  const std::vector<Parameter*> moved = plain.net.architecture();
  for (std::size_t p = 0; p < moved.size(); ++p) {
    for (std::int64_t i = 0; i < moved[p]->value.numel(); ++i) {
      const double a = test::read(moved[p]->value, i);
      const double b = test::read(penalised.net.architecture()[p]->value, i);
      // |w| at 0 has slope 0 from both sides: the central difference of a norm is 0 there, as the gradient must be.
      BOOST_TEST(std::abs((a - b) / kSwitchLr - slopes[at++]) < 1e-7);
    }
  }
}

BOOST_AUTO_TEST_CASE(proximal_steps_reach_exact_zeros) {
  Search search({.proximal = true, .posterior = {.lambda_child = 100.0, .lambda_origin = 0.01}});
  search.joint(0);
  for (std::size_t e = 0; e < 4; ++e) {
    for (const Parameter* parameter : search.net.switches(CellKind::kReduction, e)) {
      for (float w : parameter->value.span<float>())
        BOOST_TEST(w == 0.0f);
    }
    BOOST_TEST(test::read(search.net.origins(CellKind::kReduction, e)[0]->value, 0) > 0.5);
  }
}

BOOST_AUTO_TEST_CASE(pruned_switches_stay_zero_get_no_update_and_lose_their_momentum) {
  Search search;
  for (std::uint64_t step = 0; step < 3; ++step)
    search.joint(step);
  starve(search.net);
  BOOST_TEST(prune(search) >= 1 + 8);
  const auto momentum_of = [&](const Parameter& parameter) {
    return search.method.state().at("optim.switches.momentum." + parameter.name);
  };
  const auto check_zero = [&] {
    for (const Parameter* parameter : search.net.switches(CellKind::kReduction, 1)) {
      BOOST_TEST(test::read(parameter->value, 2) == 0.0);
      BOOST_TEST(test::read(momentum_of(*parameter), 2) == 0.0);
      BOOST_TEST(test::read(momentum_of(*parameter), 0) != 0.0);
    }
    for (const Parameter* parameter : search.net.switches(CellKind::kReduction, 2)) {
      BOOST_TEST(max_abs(parameter->value) == 0.0);
      BOOST_TEST(max_abs(momentum_of(*parameter)) == 0.0);
    }
    BOOST_TEST(max_abs(search.net.origins(CellKind::kReduction, 2)[0]->value) == 0.0);
  };
  check_zero();
  for (std::uint64_t step = 3; step < 6; ++step)
    search.joint(step);
  check_zero();
  BOOST_TEST(search.method.reduce().edges[2].origin.pruned_round == 1);
}

BOOST_AUTO_TEST_CASE(weights_of_pruned_operations_are_left_alone) {
  Search search;
  for (std::uint64_t step = 0; step < 3; ++step)
    search.joint(step);
  starve(search.net);
  prune(search);
  const Parameter& orphan = test::parameter_named(search.net, "cells.1._ops.2._ops.0.2.weight");
  const Tensor before = orphan.value.clone();
  search.joint(3);
  BOOST_TEST(has_equal_bits(orphan.value, before));
}

BOOST_AUTO_TEST_CASE(pruning_everything_is_an_error_that_names_lambda_and_leaves_the_network) {
  Search search({.posterior = {.lambda_child = 1e6, .lambda_origin = 1e6}});
  for (Parameter* parameter : search.net.architecture())
    scale(parameter->value, 1e-6);
  const std::vector<Tensor> before = values_of(search.net.architecture());
  search.method.measure_curvature(search.batch(0));
  BOOST_CHECK_EXCEPTION(search.method.update_and_prune(1), Error, (test::Says{{"lambda", "too large"}}));
  BOOST_TEST(have_equal_bits(search.net.architecture(), before));
}

BOOST_AUTO_TEST_CASE(state_and_network_saved_and_loaded_go_on_with_the_same_bits) {
  Search whole;
  for (std::uint64_t step = 0; step < 2; ++step)
    whole.joint(step);
  starve(whole.net);
  prune(whole);
  whole.joint(2);

  Search resumed;
  resumed.joint(9);  // gradients and momenta of another past must not shine through
  const std::vector<Parameter*> from = whole.net.state();
  const std::vector<Parameter*> to = resumed.net.state();
  for (std::size_t i = 0; i < from.size(); ++i)
    to[i]->value = from[i]->value.clone();
  resumed.method.load(whole.method.state());
  for (Search* search : {&whole, &resumed}) {
    search->joint(3);
    prune(*search, 2);
    search->joint(4);
  }
  BOOST_TEST(have_equal_bits(resumed.net.state(), values_of(whole.net.state())));
  const auto state = whole.method.state();
  const auto other = resumed.method.state();
  BOOST_TEST(state.size() == other.size());
  for (const auto& [name, tensor] : state)
    BOOST_TEST(has_equal_bits(tensor, other.at(name)), name);
  BOOST_TEST((whole.method.derive() == resumed.method.derive()));
}

BOOST_AUTO_TEST_CASE(state_of_another_network_is_refused) {
  Search search;
  auto state = search.method.state();
  state.erase("bayes.normal");
  BOOST_CHECK_EXCEPTION(search.method.load(state), CheckpointError, (test::Says{{"bayes.normal"}}));
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_names_the_step_and_changes_neither_weights_nor_switches) {
  Search search;
  search.joint(0);
  Batch broken = search.batch(1);
  test::write(broken.images, 17, std::numeric_limits<double>::quiet_NaN());
  const std::vector<Tensor> weights = values_of(search.weights());
  const std::vector<Tensor> switches = values_of(search.net.architecture());
  BOOST_CHECK_EXCEPTION(search.method.weight_step(broken, kLr, 41), DivergedError,
                        (test::Says{{"the loss", "nan", "step 41", "--lr"}}));
  BOOST_CHECK_EXCEPTION(search.method.joint_step(broken, kLr, kSwitchLr, 42), DivergedError,
                        (test::Says{{"the loss", "nan", "step 42"}}));
  BOOST_TEST(have_equal_bits(search.weights(), weights));
  BOOST_TEST(have_equal_bits(search.net.architecture(), switches));
}

BOOST_AUTO_TEST_CASE(three_steps_and_a_hessian_give_the_same_bits_at_one_and_two_threads) {
  const auto run = [](int threads) {
    set_thread_count(threads);
    Search search;
    for (std::uint64_t step = 0; step < 3; ++step)
      search.joint(step);
    const HessianReport report = search.method.measure_curvature(search.batch(3));
    std::vector<Tensor> result = values_of(search.net.state());
    result.insert(result.end(), report.result.diagonal.begin(), report.result.diagonal.end());
    return result;
  };
  const int threads = thread_count();
  const std::vector<Tensor> one = run(1);
  const std::vector<Tensor> two = run(2);
  set_thread_count(threads);
  BOOST_TEST(std::ranges::equal(one, two, has_equal_bits));
}

BOOST_AUTO_TEST_CASE(memory_does_not_grow_after_the_second_step) {
  Search search;
  const auto requests = [] { return CachingAllocator::instance().statistics().system_allocations; };
  for (std::uint64_t step = 0; step < 2; ++step)
    search.joint(step);
  const std::uint64_t before = requests();
  const std::size_t in_use = CachingAllocator::instance().statistics().bytes_in_use;
  for (std::uint64_t step = 2; step < 10; ++step)
    search.joint(step);
  if (std::getenv("OCKHAM_NO_CACHE") == nullptr)
    BOOST_TEST(requests() == before);
  BOOST_TEST(CachingAllocator::instance().statistics().bytes_in_use == in_use);
}

BOOST_AUTO_TEST_CASE(refreshing_moves_running_statistics_alone) {
  Search search;
  const std::vector<Tensor> weights = values_of(search.weights());
  const std::vector<Tensor> buffers = values_of(search.net.parameters(ParameterKind::kBuffer));
  search.method.refresh_statistics(search.batch(0));
  BOOST_TEST(have_equal_bits(search.weights(), weights));
  BOOST_TEST(!have_equal_bits(search.net.parameters(ParameterKind::kBuffer), buffers));
}

BOOST_AUTO_TEST_CASE(evaluation_and_curvature_change_nothing) {
  Search search;
  const std::vector<Tensor> before = values_of(search.net.state());
  search.method.evaluate(search.batch(0));
  search.method.measure_curvature(search.batch(0));
  BOOST_TEST(have_equal_bits(search.net.state(), before));
}

BOOST_AUTO_TEST_CASE(networks_that_it_cannot_search_are_refused) {
  Initial initial;
  Supernet mixed(test::tiny(SupernetSpec::darts(1)), initial);
  BOOST_CHECK_EXCEPTION(BayesNas(mixed, {}), UsageError, (test::Says{{"softmax", "switches"}}));
  SupernetSpec spec = Search::spec();
  spec.frame.cells = 2;
  Supernet reductions(spec, initial);
  BOOST_CHECK_EXCEPTION(BayesNas(reductions, {}), UsageError,
                        (test::Says{{"2 cells", "0 normal", "2 reduction", "--cells 3"}}));
}

BOOST_AUTO_TEST_SUITE_END()
