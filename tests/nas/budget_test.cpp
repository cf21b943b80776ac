// Sparsity to order: how strict a rule must be for the found network to fit a budget.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "engine/math.h"
#include "engine/parallel.h"
#include "nas/cost.h"
#include "nas/spaces/nasbench1shot1/search_space.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::noise_batch;

namespace {

constexpr Rule kRules3[] = {Rule::kEntropy, Rule::kEvidence, Rule::kJointEvidence};

/// Of networks whose parameters are a function of the strictness, and whose multiply-accumulates are ten times as many;
/// nothing where that is 0.
PointAt of_sizes(const Budget& budget, std::function<double(double)> size) {
  return [&budget, size = std::move(size)](double strictness) -> std::optional<PathPoint> {
    const auto parameters = static_cast<std::int64_t>(size(strictness));
    if (parameters == 0)
      return std::nullopt;
    PathPoint point{
        .strictness = strictness, .knob = strictness, .cost = {.parameters = parameters, .macs = 10 * parameters}};
    point.fill = fill_of(point.cost, budget);
    return point;
  };
}

SparsityPath find(const Budget& budget, std::function<double(double)> size) {
  return find_strictness("lambda", budget, of_sizes(budget, std::move(size)), kNoPause);
}

std::int64_t found(const SparsityPath& path) {
  return path.points[path.chosen].cost.parameters;
}

BayesNasOptions with(Rule rule, const Budget& budget, BayesNasOptions options = {}) {
  options.rule.rule = rule;
  options.budget = budget;
  options.switch_lr = 1e-4;
  options.warmup_epochs = 0;
  options.seed = 7;
  options.dtype = DType::kFloat64;
  return options;
}

SupernetSpec two_nodes() {
  SupernetSpec spec = test::tiny(SupernetSpec::bayesnas(2));
  spec.frame.channels = 2;
  return spec;
}

/// Images that are the same in every draw.
ImageSource noise_source() {
  ImageSource images;
  images.sample = [](std::int64_t, std::int64_t) { return noise_batch(8, two_nodes().frame, DType::kFloat64, 50); };
  return images;
}

struct Search : test::BayesNasSearch {
  explicit Search(Rule rule, const Budget& budget) : BayesNasSearch(two_nodes(), with(rule, budget), noise_source()) {
    test::shake(net);
  }
  const SparsityPath& end() {
    method.end_phase(0, kNoPause);
    return method.last_round()->path.value();
  }
};

Budget parameters(std::int64_t most) {
  return {.sizes = {.parameters = most}};
}

const nasbench201::Space kSpace({.channels = 2, .cells_per_stage = 1, .classes = 3});

}  // namespace

BOOST_AUTO_TEST_SUITE(budget)

BOOST_AUTO_TEST_CASE(latency_is_the_median_of_several_passes_after_one_that_is_not_counted) {
  int passes = 0;
  const auto forward = [&](const Context&, const Variable& images) {
    const bool is_slow = passes == 0 || passes == 3;
    std::this_thread::sleep_for(std::chrono::milliseconds(is_slow ? 100 : 2));
    ++passes;
    return images;
  };
  const double latency = latency_ms(forward, Tensor::zeros({1, 3, 4, 4}, DType::kFloat32));
  BOOST_TEST(passes == 8);
  BOOST_TEST(latency >= 2.0);
  BOOST_TEST(latency < 90.0);
}

BOOST_AUTO_TEST_CASE(the_network_that_is_timed_is_the_one_whose_facts_are_told) {
  const auto agrees = [](const SearchSpace& space, const std::string& cell) {
    Initial initial;
    const TrainedNetwork trained = space.make_trained(cell, initial);
    const CellFacts facts = space.facts(cell);
    BOOST_TEST(count_elements(trained.owned.network.weights()) == facts.parameters);
    BOOST_TEST(count_macs(trained.owned.network.forward, trained.image_channels, trained.image_size) == facts.macs);
  };
  agrees(kSpace, random_cell(kSpace, {.seed = 1}));
  const SoftmaxSpace darts(test::tiny(SupernetSpec::darts()), test::tiny_evaluation());
  agrees(darts, random_cell(darts, {.seed = 1}));
  const nasbench1shot1::SearchableSpace other(nasbench1shot1::Space::k1, {});
  Initial initial;
  BOOST_CHECK_EXCEPTION(other.make_trained(random_cell(other, {.seed = 1}), initial), UsageError,
                        (test::Says{{"without a limit on latency"}}));
}

BOOST_AUTO_TEST_CASE(a_smooth_path_is_met_to_a_few_tenths_of_a_per_cent) {
  for (const std::int64_t limit : {200, 1234, 99'999, 4'000'000}) {
    const SparsityPath path = find(parameters(limit), [](double strictness) { return 1e4 / strictness; });
    BOOST_TEST(found(path) <= limit);
    BOOST_TEST(static_cast<double>(found(path)) >= 0.995 * static_cast<double>(limit) - 1.0);
    BOOST_TEST(std::ranges::is_sorted(path.points, std::greater{}, &PathPoint::strictness));
  }
}

BOOST_AUTO_TEST_CASE(where_sizes_rise_and_fall_the_largest_that_was_seen_to_fit_is_chosen) {
  const Budget budget = parameters(1000);
  const SparsityPath path = find(budget, [](double strictness) {
    return 1000.0 * std::pow(strictness, -0.2) * (1.0 + 0.5 * std::sin(7.0 * std::log(strictness)));
  });
  for (const PathPoint& point : path.points)
    BOOST_TEST((!point.fits() || point.cost.parameters <= found(path)));
  BOOST_TEST(found(path) <= 1000);
  BOOST_TEST(found(path) > 900);
}

BOOST_AUTO_TEST_CASE(limits_given_together_all_hold) {
  const auto size = [](double strictness) { return 1e4 / strictness; };
  BOOST_TEST(found(find({.sizes = {.parameters = 5000, .macs = 20'000}}, size)) <= 2000);
  BOOST_TEST(found(find({.sizes = {.parameters = 5000, .macs = 20'000}}, size)) > 1990);
  BOOST_TEST(found(find({.sizes = {.parameters = 500, .macs = 20'000}}, size)) <= 500);
}

BOOST_AUTO_TEST_CASE(where_all_fits_the_largest_is_chosen_and_of_equal_ones_the_strictest) {
  const SparsityPath path = find(parameters(1000), [](double strictness) { return strictness > 1.0 ? 300.0 : 700.0; });
  BOOST_TEST(found(path) == 700);
  BOOST_TEST(path.points[path.chosen].strictness == 1.0);
  BOOST_TEST(path.points.size() == 2u * kDecades * kPointsPerDecade + 1u);
}

BOOST_AUTO_TEST_CASE(where_time_alone_is_limited_multiply_accumulates_say_which_is_the_largest) {
  const Budget budget{.latency = 5.0};
  double noise = 0.0;
  const SparsityPath path = find_strictness(
      "lambda", budget,
      [&](double strictness) -> std::optional<PathPoint> {
        noise = std::fmod(noise + 0.37, 1.0);
        PathPoint point{.strictness = strictness, .cost = {.macs = strictness > 1.0 ? 10 : 20, .latency = 2.0 + noise}};
        point.fill = fill_of(point.cost, budget);
        return point;
      },
      kNoPause);
  BOOST_TEST(path.points[path.chosen].strictness == 1.0);
}

BOOST_AUTO_TEST_CASE(the_walk_ends_a_decade_beyond_the_budget) {
  double least = 1e9;
  find(parameters(1000), [&](double strictness) {
    least = std::min(least, strictness);
    return 1e4 / strictness;
  });
  BOOST_TEST(least >= 0.99);
}

BOOST_AUTO_TEST_CASE(nothing_that_fits_is_refused_with_the_smallest_and_what_admits_it) {
  BOOST_CHECK_EXCEPTION(
      find({.sizes = {.parameters = 50, .macs = 10'000}}, [](double strictness) { return 100.0 + 1.0 / strictness; }),
      UsageError,
      (test::Says{{"--max-params 50 --max-macs 10000", "none of", "100 parameters and 1000 multiply-accumulates",
                   "--resume DIR and --max-params 100 --max-macs 1000 or more"}}));
  BOOST_CHECK_EXCEPTION(find(parameters(50), [](double) { return 0.0; }), UsageError,
                        (test::Says{{"--max-params 50", "no lambda within 4 decades"}}));
}

BOOST_AUTO_TEST_CASE(every_rule_finds_a_network_within_the_budget_whose_cost_is_what_the_path_says) {
  for (const Rule rule : kRules3) {
    Search whole(rule, parameters(1'000'000));
    const SparsityPath all = whole.end();
    const std::int64_t largest = found(all);
    for (const double share : {0.5, 0.8}) {
      const auto limit = static_cast<std::int64_t>(share * static_cast<double>(largest));
      Search search(rule, parameters(limit));
      const SparsityPath& path = search.end();
      const CellFacts facts = search.space.facts(search.method.derive());
      BOOST_TEST(facts.parameters == found(path));
      BOOST_TEST(facts.macs == path.points[path.chosen].cost.macs);
      BOOST_TEST(facts.parameters <= limit);
      BOOST_TEST(facts.parameters > limit / 2);
      const auto kept = std::ranges::count_if(
          search.method.groups(), [](const auto& group) { return group.is_switch() && !group.is_pruned(); });
      BOOST_TEST(kept == path.points[path.chosen].kept);
      BOOST_TEST(path.points[path.chosen].evidence.has_value() == (rule != Rule::kEntropy));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_search_that_was_told_to_be_as_strict_finds_the_same_cell) {
  for (const Rule rule : kRules3) {
    Search search(rule, parameters(20'000));
    const SparsityPath& path = search.end();
    test::BayesNasSearch strict(two_nodes(), with(rule, {}).at(path.points[path.chosen].strictness), noise_source());
    test::shake(strict.net);
    strict.method.end_phase(0, kNoPause);
    BOOST_TEST(strict.method.derive() == search.method.derive());
  }
}

BOOST_AUTO_TEST_CASE(a_budget_of_multiply_accumulates_is_met) {
  Search search(Rule::kEvidence, {.sizes = {.macs = 150'000}});
  search.end();
  BOOST_TEST(search.space.facts(search.method.derive()).macs <= 150'000);
}

BOOST_AUTO_TEST_CASE(what_the_entropy_rule_prunes_by_does_not_depend_on_lambda_so_its_threshold_is_the_knob) {
  std::vector<SwitchGroup> one{make_group({}, 2)}, other = one;
  one[0].hessian = other[0].hessian = {0.3, 0.1};
  update_posterior(one, {.lambda_child = 1e-3});
  update_posterior(other, {.lambda_child = 10.0});
  BOOST_TEST(one[0].effective == other[0].effective);
  Search search(Rule::kEntropy, parameters(20'000));
  BOOST_TEST(search.end().knob == "variance");
  const PosteriorTable table = search.method.posterior();
  const PosteriorTable::Path& path = table.path.value();
  BOOST_TEST(table.threshold.value() == path.columns.at("variance")[path.chosen]);
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    BOOST_TEST((table.columns.at("kept")[i] == 0.0 || table.columns.at("variance")[i] > *table.threshold));
}

BOOST_AUTO_TEST_CASE(in_a_space_of_one_operation_an_edge_edges_are_left_without_one) {
  const auto images = [](std::int64_t, std::int64_t) {
    return noise_batch(6, {.classes = 3, .image_size = 8}, DType::kFloat64, 3);
  };
  for (const Rule rule : kRules3) {
    ImageSource source;
    source.sample = images;
    BayesNas method(kSpace, with(rule, parameters(650'000), BayesNasOptions::for_single_options()), source);
    test::shake(*method.network().owned.module);
    method.end_phase(0, kNoPause);
    const CellFacts facts = kSpace.facts(method.derive());
    BOOST_TEST(facts.is_connected);
    BOOST_TEST(facts.parameters <= 650'000);
    const SparsityPath& path = method.last_round()->path.value();
    BOOST_TEST(facts.parameters == found(path));
  }
}

BOOST_AUTO_TEST_CASE(a_space_whose_cells_always_take_an_option_is_refused) {
  const nasbench1shot1::SearchableSpace space(nasbench1shot1::Space::k1,
                                              {.channels = 4, .cells_per_stack = 1, .classes = 3});
  BOOST_CHECK_EXCEPTION(
      BayesNas(space, with(Rule::kEvidence, parameters(1000), BayesNasOptions::for_single_options()), {}), UsageError,
      (test::Says{{"whatever is pruned", "--method largest"}}));
}

BOOST_AUTO_TEST_CASE(the_path_has_the_same_bits_at_one_and_two_threads) {
  const int threads = thread_count();
  for (const Rule rule : kRules3) {
    const auto run = [&](int count) {
      set_thread_count(count);
      Search search(rule, parameters(20'000));
      return search.end().points;
    };
    BOOST_TEST((run(1) == run(2)));
  }
  set_thread_count(threads);
}

BOOST_AUTO_TEST_CASE(a_search_saved_and_loaded_has_the_same_path_and_cell) {
  for (const Rule rule : kRules3) {
    Search whole(rule, parameters(20'000)), resumed(rule, parameters(20'000));
    whole.end();
    resumed.method.load(whole.method.state());
    const auto table = [](const Search& search) { return posterior_json(search.method.posterior(), "bayesnas", "x"); };
    BOOST_TEST(table(whole) == table(resumed));
    BOOST_TEST(table(whole).find("\"path\"") != std::string::npos);
    BOOST_TEST(whole.method.derive() == resumed.method.derive());
    BOOST_TEST(is_finite(whole.method.state().at("bayes.path")));  // else no checkpoint is written
  }
}

BOOST_AUTO_TEST_CASE(a_damaged_path_is_refused) {
  Search search(Rule::kEvidence, parameters(20'000));
  search.end();
  for (const std::vector<double>& numbers : {std::vector{0.0}, {9.0, 0.0, 1, 2, 3, 4, 5, 6, 7, 8}, {0.0, 1e300}}) {
    auto state = search.method.state();
    state.at("bayes.path") = Tensor::from(numbers, {std::ssize(numbers)});
    BOOST_CHECK_EXCEPTION(search.method.load(state), CheckpointError, (test::Says{{"path of sparsity"}}));
  }
}

BOOST_AUTO_TEST_CASE(the_last_round_is_run_and_it_alone_prunes_to_the_budget) {
  BayesNasOptions options = with(Rule::kEvidence, parameters(20'000));
  options.rounds = 2;
  test::BayesNasSearch search(two_nodes(), options, noise_source());
  test::shake(search.net);
  search.method.end_phase(0, kNoPause);
  BOOST_TEST(!search.method.last_round()->path.has_value());
  search.method.end_phase(1, kNoPause);
  BOOST_TEST(search.method.last_round()->path.has_value());
  const std::vector<RoundEvidence>& moves = search.method.last_round()->moves;
  BOOST_TEST(moves[1].per_image <= moves[0].per_image);  // nothing was learned, for which rounds without one end
  BOOST_TEST(!search.method.ends_early());
  BOOST_TEST(search.space.facts(search.method.derive()).parameters <= 20'000);
}

BOOST_AUTO_TEST_CASE(a_refused_budget_leaves_the_search_as_it_was_so_that_another_can_be_met) {
  Search refused(Rule::kEvidence, parameters(1)), met(Rule::kEvidence, parameters(20'000));
  const auto before = refused.method.state();
  BOOST_CHECK_THROW(refused.method.end_phase(0, kNoPause), UsageError);
  met.method.load(before);
  met.end();
  Search fresh(Rule::kEvidence, parameters(20'000));
  fresh.end();
  BOOST_TEST(met.method.derive() == fresh.method.derive());
}

BOOST_AUTO_TEST_CASE(a_budget_of_time_is_met_by_what_was_measured) {
  for (const std::int64_t images : {1, 3}) {
    Search search(Rule::kEvidence, {.latency = 1e4, .latency_batch = images});
    const SparsityPath& path = search.end();
    const PathPoint& chosen = path.points[path.chosen];
    BOOST_TEST(*chosen.cost.latency > 0.0);
    BOOST_TEST(*chosen.cost.latency <= 1e4);
    BOOST_TEST(path.latencies.contains(1));
    BOOST_TEST(path.latencies.contains(32));
    BOOST_TEST(search.method.posterior().path->columns.contains("latency_ms"));
  }
  BOOST_CHECK_EXCEPTION(Search(Rule::kEvidence, {.latency = 1e-9}).end(), UsageError,
                        (test::Says{{"--max-latency 1e-09", "takes", "ms"}}));
  BOOST_CHECK_EXCEPTION(require_usable(with(Rule::kEvidence, {.latency_batch = 2})), UsageError,
                        (test::Says{{"--latency-batch 2", "--max-latency"}}));
}

BOOST_AUTO_TEST_SUITE_END()
