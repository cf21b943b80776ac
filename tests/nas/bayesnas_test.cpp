// The steps of the method on a small network: what moves, what must not, and what survives interruption.
#include <cmath>

#include "engine/allocator.h"
#include "engine/parallel.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_equal_bits;
using ockham::test::noise_batch;
using ockham::test::values_of;

namespace {

constexpr double kLr = 0.05;
constexpr double kSwitchLr = 0.05;

/// The same arguments give the same bits.
struct Search : test::BayesNasSearch {
  explicit Search(BayesNasOptions options = {}, DType dtype = DType::kFloat32)
      : BayesNasSearch(spec(), with(options, dtype)), dtype_(dtype) {}

  static SupernetSpec spec() {
    SupernetSpec result = test::tiny(SupernetSpec::bayesnas(2));
    result.frame.channels = 2;
    return result;
  }
  Batch batch(std::uint64_t stream) const { return noise_batch(4, net.spec().frame, dtype_, stream); }
  void joint(std::uint64_t step) { method.joint_step(batch(step), {.number = step, .lr = kLr}); }

 private:
  static BayesNasOptions with(BayesNasOptions options, DType dtype) {
    options.switch_lr = kSwitchLr;
    options.seed = 7;
    options.dtype = dtype;
    return options;
  }
  DType dtype_;
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
    search.method.weight_step(search.batch(step), {.number = step, .lr = kLr});
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
  BOOST_TEST(search.origin(CellKind::kReduction, 2).pruned_round == 1);
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
  BOOST_TEST(whole.method.derive() == resumed.method.derive());
}

BOOST_AUTO_TEST_CASE(state_of_another_network_is_refused) {
  Search search;
  auto state = search.method.state();
  state.erase("bayes.groups");
  BOOST_CHECK_EXCEPTION(search.method.load(state), CheckpointError, (test::Says{{"bayes.groups"}}));
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_names_the_step_and_changes_neither_weights_nor_switches) {
  Search search;
  search.joint(0);
  Batch broken = search.batch(1);
  test::write(broken.images, 17, std::numeric_limits<double>::quiet_NaN());
  const std::vector<Tensor> weights = values_of(search.weights());
  const std::vector<Tensor> switches = values_of(search.net.architecture());
  BOOST_CHECK_EXCEPTION(search.method.weight_step(broken, {.number = 41, .lr = kLr}), DivergedError,
                        (test::Says{{"the loss", "nan", "step 41", "--lr"}}));
  BOOST_CHECK_EXCEPTION(search.method.joint_step(broken, {.number = 42, .lr = kLr}), DivergedError,
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
  SupernetSpec spec = Search::spec();
  spec.frame.cells = 2;
  BOOST_CHECK_EXCEPTION(test::BayesNasSearch(spec, {}), UsageError,
                        (test::Says{{"2 cells", "0 normal", "2 reduction", "--cells 3"}}));
}

BOOST_AUTO_TEST_CASE(the_recursion_is_refused_on_batch_statistics_and_nothing_else_is) {
  for (const Curvature curvature : {Curvature::kExact, Curvature::kGaussNewton, Curvature::kRecursion}) {
    for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch, BatchNormMode::kFrozenBatch}) {
      const BayesNasOptions options{.hessian = {.curvature = curvature}, .hessian_batch_norm = mode};
      if (curvature == Curvature::kRecursion && mode == BatchNormMode::kBatch)
        BOOST_CHECK_EXCEPTION(require_usable(options), UsageError, test::Says{{"no rule for batch statistics"}});
      else
        BOOST_CHECK_NO_THROW(require_usable(options));
    }
  }
}

BOOST_AUTO_TEST_CASE(checks_of_what_is_not_exact_or_does_not_move_are_refused) {
  BOOST_CHECK_EXCEPTION(Search({.hessian = {.curvature = Curvature::kGaussNewton}, .check_entries = 1}), UsageError,
                        (test::Says{{"--hessian exact"}}));
  BOOST_CHECK_EXCEPTION(Search({.hessian_batch_norm = BatchNormMode::kFrozenBatch, .check_entries = 1}), UsageError,
                        (test::Says{{"frozen", "--hessian-bn running"}}));
}

BOOST_AUTO_TEST_CASE(the_pass_is_rehearsed_one_direction_at_a_time_where_memory_is_limited) {
  CachingAllocator& memory = CachingAllocator::instance();
  const auto peak = [&](std::size_t limit) {
    Search search(
        {.hessian = {.algorithm = HessianAlgorithm::kForward, .cache_bytes = 1 << 24, .memory_limit = limit}});
    memory.reset_peak();
    search.method.rehearse_finish(search.batch(0));
    return memory.statistics().peak_bytes;
  };
  BOOST_TEST(peak(std::size_t{1} << 40) < peak(0));
}

BOOST_AUTO_TEST_CASE(penalties_that_throw_switches_past_zero_are_warned_of) {
  const auto warnings = [](double lambda, bool proximal) {
    BayesNasOptions options{.switch_sgd = {.momentum = 0.9}, .proximal = proximal};
    options.posterior.lambda_origin = lambda;  // the larger of the two
    return Search(options).method.warnings();
  };
  const double length = (1.0 - 0.9) / kSwitchLr;  // lambda of a jump of 1
  BOOST_TEST(warnings(0.9 * length, false).empty());
  BOOST_TEST(warnings(1.1 * length, true).empty());
  BOOST_REQUIRE(warnings(1.1 * length, false).size() == 1u);
  BOOST_TEST(warnings(1.1 * length, false)[0].find("= 1.1 a step") != std::string::npos);
}

// --- whole phases

namespace {

/// Images of noise, the same for the same question.
ImageSource images_of(const FrameSpec& frame) {
  return {.held_out = [frame](const auto& score) { return score(noise_batch(4, frame, DType::kFloat32, 900)); },
          .sample =
              [frame](std::int64_t images, std::int64_t draw) {
                return noise_batch(images, frame, DType::kFloat32, 800 + static_cast<std::uint64_t>(draw));
              },
          .first_batches =
              [frame](std::size_t phase, std::int64_t count, const auto& take) {
                for (std::int64_t i = 0; i < count; ++i)
                  take(noise_batch(4, frame, DType::kFloat32, 700 + 10 * phase + static_cast<std::uint64_t>(i)));
              }};
}

BayesNasOptions two_rounds() {
  return {.switch_lr = kSwitchLr, .rounds = 2, .refresh_batches = 2, .hessian_images = 4, .seed = 7};
}

test::BayesNasSearch phased(const BayesNasOptions& options) {
  return {Search::spec(), options, images_of(Search::spec().frame)};
}

}  // namespace

BOOST_AUTO_TEST_CASE(phases_are_a_warm_up_on_the_weights_images_and_rounds_on_the_others) {
  const std::vector<Phase> phases = phased(two_rounds()).method.phases(5);
  BOOST_REQUIRE(phases.size() == 3u);
  BOOST_TEST((phases[0].part == Part::kWeights && phases[0].epochs == 1 && phases[0].has_cutout));
  for (const std::size_t round : {1u, 2u}) {
    BOOST_TEST((phases[round].part == Part::kArchitecture && phases[round].epochs == 5 && !phases[round].has_cutout));
    BOOST_TEST(phases[round].name == concat("round ", round));
  }
  BayesNasOptions without = two_rounds();
  without.warmup_epochs = 0;
  BOOST_TEST(phased(without).method.phases(5).size() == 2u);
}

BOOST_AUTO_TEST_CASE(
    steps_of_the_warm_up_and_rehearsals_move_weights_alone_and_the_end_of_the_former_measures_nothing) {
  test::BayesNasSearch search = phased(two_rounds());
  const std::vector<Tensor> switches = values_of(search.net.architecture());
  const Batch batch = noise_batch(4, search.net.spec().frame, DType::kFloat32, 1);
  search.method.step(batch, {}, {.phase = 0, .lr = kLr});
  search.method.end_phase(0, kNoPause);
  BOOST_TEST(have_equal_bits(search.net.architecture(), switches));
  BOOST_TEST(search.method.last_round() == nullptr);
  search.method.step(batch, {}, {.phase = 1, .number = 1, .lr = kLr, .is_rehearsal = true});
  BOOST_TEST(have_equal_bits(search.net.architecture(), switches));
  search.method.step(batch, {}, {.phase = 1, .number = 1, .lr = kLr});
  BOOST_TEST(!have_equal_bits(search.net.architecture(), switches));
}

BOOST_AUTO_TEST_CASE(no_sample_is_larger_than_its_source) {
  ImageSource images = images_of(Search::spec().frame);
  images.largest_sample = 3;
  const test::BayesNasSearch search(Search::spec(), two_rounds(), images);
  BOOST_TEST(search.method.finish_images() == 3);
}

BOOST_AUTO_TEST_CASE(a_round_ends_with_refreshed_statistics_a_score_curvature_and_pruning) {
  test::BayesNasSearch search = phased(two_rounds());
  const Batch batch = noise_batch(4, search.net.spec().frame, DType::kFloat32, 1);
  search.method.step(batch, {}, {.phase = 1, .lr = kLr});
  starve(search.net);
  const std::vector<Tensor> buffers = values_of(search.net.parameters(ParameterKind::kBuffer));
  search.method.end_phase(1, kNoPause);
  BOOST_TEST(!have_equal_bits(search.net.parameters(ParameterKind::kBuffer), buffers));
  const Round* round = search.method.last_round();
  BOOST_REQUIRE(round != nullptr);
  BOOST_TEST(round->number == 1);
  BOOST_TEST(round->held_out.count == 4);
  BOOST_TEST(round->hessian.entries == count_elements(search.net.architecture()));
  BOOST_TEST(round->pruned >= 1 + 8);
  BOOST_TEST(search.origin(CellKind::kReduction, 2).pruned_round == 1);
}

BOOST_AUTO_TEST_CASE(rounds_from_a_state_go_on_with_the_same_bits) {
  const auto go_on = [](test::BayesNasSearch& search) {
    const Batch batch = noise_batch(4, search.net.spec().frame, DType::kFloat32, 1);
    search.method.step(batch, {}, {.phase = 2, .number = 2, .lr = kLr});
    search.method.end_phase(2, kNoPause);
  };
  test::BayesNasSearch whole = phased(two_rounds());
  starve(whole.net);
  whole.method.end_phase(1, kNoPause);
  test::BayesNasSearch resumed = phased(two_rounds());
  resumed.method.load(whole.method.state());
  go_on(whole);
  go_on(resumed);
  for (const auto& [name, tensor] : whole.method.state())
    BOOST_TEST(has_equal_bits(tensor, resumed.method.state().at(name)), name);
}

BOOST_AUTO_TEST_CASE(calibration_sets_the_scale_of_the_curvature) {
  const auto omegas = [](bool calibrates) {
    BayesNasOptions options = two_rounds();
    options.calibrates = calibrates;
    test::BayesNasSearch search = phased(options);
    search.method.end_phase(1, kNoPause);
    return search.origin(CellKind::kNormal, 0).state.omega;
  };
  BOOST_TEST(omegas(true) != omegas(false));
}

BOOST_AUTO_TEST_CASE(sampled_entries_of_the_curvature_agree_with_differences) {
  BayesNasOptions options = two_rounds();
  options.check_entries = 5;
  test::BayesNasSearch search = phased(options);
  search.method.end_phase(1, kNoPause);
  BOOST_REQUIRE(search.method.last_round()->check.has_value());
  BOOST_TEST(search.method.last_round()->check->entries == 5);
  BOOST_TEST(search.method.last_round()->check->worst < 1e-5);
}

BOOST_AUTO_TEST_CASE(the_posterior_names_every_switch_and_the_pictures_show_the_cell) {
  test::BayesNasSearch search = phased(two_rounds());
  starve(search.net);
  search.method.end_phase(1, kNoPause);
  const PosteriorTable table = search.method.posterior();
  BOOST_TEST(table.rows.size() == 2u * 4 * 8);
  const auto at = [&](const std::string& option) {
    const auto found = std::ranges::find_if(table.rows, [&](const PosteriorTable::Row& row) {
      return row.choice == "reduce in1_1" && row.option == option;
    });
    BOOST_REQUIRE((found != table.rows.end()));
    return static_cast<std::size_t>(found - table.rows.begin());
  };
  for (const char* option : {"origin", "sep_conv_3x3", "skip_connect"}) {
    BOOST_TEST(table.columns.at("pruned_round")[at(option)] == 1.0);
    BOOST_TEST(table.columns.at("kept")[at(option)] == 0.0);
    BOOST_TEST(table.copies.at("switch")[at(option)] == std::vector<double>(2, 0.0), boost::test_tools::per_element());
  }
  const std::vector<CellPicture> pictures = search.method.pictures();
  BOOST_REQUIRE(pictures.size() == 2u);
  BOOST_TEST(pictures[1].name == "reduce");
  BOOST_TEST((pictures[1].svg.find("stroke-dasharray") != std::string::npos));
}

BOOST_AUTO_TEST_SUITE_END()
