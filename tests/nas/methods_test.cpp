#include <cmath>
#include <limits>

#include "nas/bayes/entropy.h"
#include "nas/bayes/sparse_prior.h"
#include "nas/methods/balenas/balenas_tf.h"
#include "nas/methods/darts/darts.h"
#include "nas/methods/held_out.h"
#include "nas/methods/pgnas/pgnas_search.h"
#include "nas/methods/trials/trial_search.h"
#include "nas/spaces/cells/cell_space.h"
#include "nas/spaces/nasbench1shot1/search_space.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "nas/train/micro_batches.h"
#include "nas/train/parameter_vectors.h"
#include "ops/global_avg_pool/global_avg_pool.h"
#include "ops/linear/linear.h"
#include "ops/scale/scale.h"
#include "ops/tanh/tanh.h"
#include "ops/weighted_sum/weighted_sum.h"
#include "tests/engine/files.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace nas;
using test::is_same;

namespace {

const nasbench201::Space kSpace({.channels = 2, .cells_per_stage = 1, .classes = 3});
const SoftmaxSpace kDartsSpace(test::tiny(SupernetSpec::darts(2)), test::tiny_evaluation());

const nasbench1shot1::SearchableSpace kOneShot(nasbench1shot1::Space::k2,
                                               {.channels = 4, .cells_per_stack = 1, .classes = 3});

Batch batch_of(std::uint64_t stream, std::int64_t count = 6) {
  return test::noise_batch(count, {.classes = 3, .image_size = 8}, DType::kFloat64, stream);
}

Score held_out(const std::function<Score(const Batch&)>& score) {
  Score sum = score(batch_of(100));
  sum.add(score(batch_of(101)));
  return sum;
}

ImageSource held_out_images() {
  return {.held_out = held_out,
          .sample = [](std::int64_t images, std::int64_t) { return first_images(held_out, images, DType::kFloat64); }};
}

BayesNasOptions bayesnas_options(double lambda = 0.01) {
  BayesNasOptions options = BayesNasOptions::for_single_options();
  options.posterior.lambda_child = lambda;
  options.seed = 3;
  options.dtype = DType::kFloat64;
  return options;
}

/// Switches move from the first step, and faster.
BayesNasOptions without_warmup(double lambda) {
  BayesNasOptions options = bayesnas_options(lambda);
  options.switch_lr = 0.1;
  options.warmup_steps = 0.0;
  return options;
}

double max_difference(const Tensor& a, const Tensor& b) {
  Tensor difference = a.clone();
  axpy(-1.0, b, difference);
  return max_abs(difference);
}

const RelaxedOptions kRelaxed{.architecture_lr = 0.05, .seed = 3, .dtype = DType::kFloat64};

using Make = std::function<std::unique_ptr<SearchMethod>()>;

Make trials(MakeProposals proposals) {
  return [proposals = std::move(proposals)] {
    return std::make_unique<TrialSearch>(
        kSpace, TrialSearchOptions{.candidates = 3, .seed = 3, .dtype = DType::kFloat64}, proposals, held_out);
  };
}

std::vector<std::pair<std::string, Make>> all_methods() {
  const auto balenas = [](ArchitectureCurvature curvature, std::int64_t draws) -> Make {
    return [=] {
      return std::make_unique<Balenas>(
          kSpace, BalenasOptions{.relaxed = kRelaxed, .curvature = curvature, .draws = draws, .curvature_images = 3});
    };
  };
  const auto pgnas = [](const SearchSpace* space) -> Make {
    return [=] {
      return std::make_unique<PgnasSearch>(
          *space, PgnasSearchOptions{.pgnas = {.seed = 3}, .draws = 5, .dtype = DType::kFloat64}, held_out);
    };
  };
  return {
      {"darts", [] { return std::make_unique<Darts>(kSpace, DartsOptions{.relaxed = kRelaxed}); }},
      {"second order",
       [] { return std::make_unique<Darts>(kSpace, DartsOptions{.relaxed = kRelaxed, .is_second_order = true}); }},
      {"vadam", balenas(ArchitectureCurvature::kVadam, 1)},
      {"vadam, two draws", balenas(ArchitectureCurvature::kVadam, 2)},
      {"von", balenas(ArchitectureCurvature::kVon, 1)},
      {"vogn", balenas(ArchitectureCurvature::kVogn, 1)},
      {"pgnas", pgnas(&kSpace)},
      {"pgnas, darts", pgnas(&kDartsSpace)},
      {"pgnas, 1shot1", pgnas(&kOneShot)},
      {"bayesnas", [] { return std::make_unique<BayesNas>(kSpace, bayesnas_options(), held_out_images()); }},
      {"bayesnas, 1shot1", [] { return std::make_unique<BayesNas>(kOneShot, bayesnas_options(), held_out_images()); }},
      {"random", trials([] { return random_proposals(kSpace, 3); })},
      {"evolution", trials([] { return evolution_proposals(kSpace, {.population = 1, .sample = 1}, 3); })},
      {"local search", trials([] { return local_search_proposals(kSpace, 3); })},
  };
}

constexpr std::uint64_t kSteps = 6;

void take_steps(SearchMethod& method, std::uint64_t begin, std::uint64_t end) {
  for (std::uint64_t s = begin; s < end; ++s)
    method.step(batch_of(2 * s), batch_of(2 * s + 1), {.number = s, .total = kSteps});
}

/// A network without batch norm, so that an image's loss is its own.
class Plain : public Module {
 public:
  Plain() : alpha_(add_parameter("alpha", test::noise({3, 4}, DType::kFloat64, 7), ParameterKind::kSwitch)) {}
  SearchNetwork network() {
    return {this,
            [this](const Context& context, const Variable& x) { return linear(tanh(x), context.use(alpha_)); },
            {&alpha_}};
  }

 private:
  Parameter& alpha_;
};

/// Logits m s_1 + 2 m s_2 + 3 m s_3 of an image whose channels have the means m.
class Switched : public Module {
 public:
  Switched() : switches(add_parameter("switches", Tensor::full({4}, 1.0, DType::kFloat64), ParameterKind::kSwitch)) {}
  Variable forward(const Context& context, const Variable& x) {
    const Variable m = global_avg_pool(x);
    const std::vector<Variable> maps{m, scale(m, 2.0), scale(m, 3.0)};
    return weighted_sum(context.use(switches), maps, {1, 2, 3});
  }
  Parameter& switches;
};

/// Two choices, one cell: none or x, y or z. z stands behind x and y.
class Toy : public SearchSpace {
 public:
  std::string name() const override { return "toy"; }
  OwnedNetwork make_supernet(Initial&) const override { return {}; }
  SwitchNetwork make_switches(Initial&) const override {
    auto net = std::make_unique<Switched>();
    Parameter& switches = net->switches;
    SwitchNetwork result{.owned = owned(std::move(net), {&switches}), .groups = places_of_numbers(*this, {&switches})};
    result.groups[0].copies.clear();
    result.groups[3].gates.before = {1, 2};
    return result;
  }
  OwnedNetwork make_network(const std::string&, Initial&) const override { return {}; }
  std::vector<Choice> choices() const override { return {{"a", {"none", "x"}}, {"b", {"y", "z"}}}; }
  std::string derive(std::span<const double> numbers) const override {
    return concat(numbers[1] > numbers[0] ? "x" : "none", numbers[3] > numbers[2] ? " z" : " y");
  }
  CellFacts facts(const std::string&) const override { return {}; }
};

/// BayesNAS at its end in the toy space, with these switches of x, y and z.
std::unique_ptr<BayesNas> measured(const Toy& toy, const std::vector<double>& switches,
                                   const BayesNasOptions& options) {
  auto method = std::make_unique<BayesNas>(toy, options, held_out_images());
  std::map<std::string, Tensor> state = method->state();
  state.at("switches") = Tensor::from(std::vector<double>{1.0, switches[0], switches[1], switches[2]}, {4});
  method->load(state);
  method->end_phase(0, kNoPause);
  return method;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(methods)

BOOST_AUTO_TEST_CASE(every_method_goes_on_from_its_state_as_if_never_stopped) {
  for (const auto& [name, make] : all_methods()) {
    BOOST_TEST_CONTEXT(name) {
      const auto whole = make();
      take_steps(*whole, 0, kSteps);
      const auto first = make();
      take_steps(*first, 0, 3);
      const auto second = make();
      second->load(first->state());
      take_steps(*second, 3, kSteps);
      const std::map<std::string, Tensor> expected = whole->state(), got = second->state();
      BOOST_REQUIRE(expected.size() == got.size());
      for (const auto& [key, tensor] : expected)
        BOOST_TEST(is_same(tensor, got.at(key)), key);
      BOOST_TEST(whole->derive() == second->derive());
    }
  }
}

BOOST_AUTO_TEST_CASE(gradient_methods_move_logits_and_weights_and_take_either_half_for_one_of_them) {
  const auto run = [](bool same_train, bool same_valid) {
    Darts method(kSpace, {.relaxed = kRelaxed});
    method.step(batch_of(same_train ? 0 : 50), batch_of(same_valid ? 1 : 51), {});
    return method.state();
  };
  const auto usual = run(true, true), other_train = run(false, true), other_valid = run(true, false);
  BOOST_TEST(is_same(usual.at("alphas"), other_train.at("alphas")));
  BOOST_TEST(!is_same(usual.at("alphas"), other_valid.at("alphas")));
  BOOST_TEST(!is_same(usual.at("stem.0.weight"), other_train.at("stem.0.weight")));
}

BOOST_AUTO_TEST_CASE(a_split_step_gives_the_mean_gradient_of_its_parts) {
  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  OwnedNetwork net = kSpace.make_supernet(initial);
  const Batch batch = batch_of(0);
  net.network.micro_batch = 3;
  net.network.differentiate(batch);
  const Tensor split = net.network.architecture[0]->grad;
  net.network.micro_batch = 0;
  Tensor sum = Tensor::zeros(split.shape(), DType::kFloat64);
  for (const std::int64_t begin : {0, 3}) {
    net.network.differentiate(part_of(batch, begin, begin + 3));
    axpy(0.5, net.network.architecture[0]->grad, sum);
  }
  BOOST_TEST(max_difference(split, sum) < 1e-14);
}

BOOST_AUTO_TEST_CASE(von_takes_the_exact_second_derivatives_of_the_loss) {
  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  OwnedNetwork net = kSpace.make_supernet(initial);
  const Batch batch = batch_of(0, 4);
  const Tensor diagonal = architecture_hessian(net.network, batch)[0];
  Tensor& logits = net.network.architecture[0]->value;
  const double h = 1e-7;  // short, so that no ReLU changes sides
  for (const std::int64_t i : {0, 8, 14, 21, 29}) {
    const auto gradient_at = [&](double shift) {
      logits.data<double>()[i] += shift;
      net.network.differentiate(batch);
      const double g = net.network.architecture[0]->grad.data<double>()[i];
      logits.data<double>()[i] -= shift;
      return g;
    };
    const double difference = (gradient_at(h) - gradient_at(-h)) / (2.0 * h);
    BOOST_TEST(std::abs(diagonal.data<double>()[i] - difference) < 1e-6);  // rounding of gradients, over 2h
  }
}

BOOST_AUTO_TEST_CASE(vogn_takes_the_mean_of_squared_gradients_of_single_images) {
  Plain plain;
  const SearchNetwork network = plain.network();
  const Batch batch{test::noise({5, 4}, DType::kFloat64, 3),
                    Tensor::from(std::vector<std::int64_t>{0, 1, 2, 1, 0}, {5})};
  const Tensor mean = mean_squared_gradients(network, batch)[0];
  Tensor expected = Tensor::zeros({3, 4}, DType::kFloat64);
  for (std::int64_t i = 0; i < 5; ++i) {
    network.differentiate(part_of(batch, i, i + 1));
    const Tensor& g = network.architecture[0]->grad;
    for (std::int64_t j = 0; j < 12; ++j)
      expected.data<double>()[j] += g.data<double>()[j] * g.data<double>()[j] / 5.0;
  }
  BOOST_TEST(max_difference(mean, expected) < 1e-14);
}

BOOST_AUTO_TEST_CASE(draws_of_different_steps_differ_and_weight_steps_may_be_at_a_draw) {
  const auto weights_after = [](bool samples) {
    Balenas method(kSpace, {.relaxed = kRelaxed, .samples_weight_steps = samples});
    method.step(batch_of(0), batch_of(1), {});
    return method.state();
  };
  const auto at_mean = weights_after(false), at_draw = weights_after(true);
  BOOST_TEST(is_same(at_mean.at("alphas"), at_draw.at("alphas")));  // the mean afterwards
  BOOST_TEST(!is_same(at_mean.at("stem.0.weight"), at_draw.at("stem.0.weight")));
}

BOOST_AUTO_TEST_CASE(held_out_images_are_gathered_over_batches_and_end_where_there_are_no_more) {
  const Batch two = first_images(held_out, 8, DType::kFloat64);  // of batches of six
  BOOST_TEST(two.images.size(0) == 8);
  BOOST_TEST(is_same(two.images.slice(0, 0, 6), batch_of(100).images));
  BOOST_TEST(is_same(two.images.slice(0, 6, 8), batch_of(101).images.slice(0, 0, 2)));
  BOOST_TEST(is_same(two.labels.slice(0, 6, 8), batch_of(101).labels.slice(0, 0, 2)));
  BOOST_TEST(first_images(held_out, 100, DType::kFloat32).images.size(0) == 12);
  // A driver may fill the same memory again.
  const Batch kept = first_images(
      [](const std::function<Score(const Batch&)>& score) {
        Batch same = batch_of(100);
        score(same);
        std::ranges::fill(same.labels.span<std::int64_t>(), 0);
        ockham::copy(batch_of(101).images, same.images);
        return score(same);
      },
      12, DType::kFloat64);
  BOOST_TEST(is_same(kept.images.slice(0, 0, 6), batch_of(100).images));
  BOOST_TEST(is_same(kept.labels.slice(0, 0, 6), batch_of(100).labels));
  BOOST_TEST(is_same(kept.images.slice(0, 6, 12), batch_of(101).images));
}

BOOST_AUTO_TEST_CASE(balenas_tf_returns_the_connected_cell_that_its_proxies_rank_first) {
  BalenasTf method(
      kSpace, {.balenas = {.relaxed = kRelaxed}, .cells = 8, .proxies = {"macs", "snip"}, .proxy_images = 4}, held_out);
  take_steps(method, 0, 1);
  method.end_phase(0, kNoPause);
  std::int64_t times = 0;
  double best = 0.0;
  std::string chosen;
  for (const Candidate& candidate : method.candidates()) {
    times += candidate.times;
    BOOST_TEST(kSpace.facts(candidate.cell).is_connected);
    if (candidate.score > best) {
      best = candidate.score;
      chosen = candidate.cell;
    }
  }
  BOOST_TEST(times <= 8);
  BOOST_TEST(method.candidates().size() >= 2u);
  BOOST_TEST(method.derive() == chosen);
  BOOST_CHECK_THROW(BalenasTf(kSpace, {.proxies = {"synflaw"}}, held_out), UsageError);
}

BOOST_AUTO_TEST_CASE(balenas_tf_refuses_a_proxy_that_the_space_cannot_serve_before_the_search) {
  const SoftmaxSpace darts(test::tiny(SupernetSpec::darts(2)), test::tiny_evaluation());
  BOOST_CHECK_EXCEPTION(BalenasTf(darts, {.proxies = {"zen"}}, held_out), UsageError, (test::Says{{"zen_score"}}));
  BOOST_CHECK_NO_THROW(BalenasTf(kSpace, {.proxies = {"zen"}}, held_out));
}

BOOST_AUTO_TEST_CASE(derived_cells_keep_the_skip_cap) {
  for (std::int64_t most : {-1, 1}) {
    RelaxedOptions relaxed = kRelaxed;
    relaxed.skip_cap = most;
    Darts method(kSpace, {.relaxed = relaxed});
    std::map<std::string, Tensor> state = method.state();
    Tensor logits = Tensor::zeros(state.at("alphas").shape(), DType::kFloat64);
    for (std::int64_t edge = 0; edge < nasbench201::kEdges; ++edge)
      test::write(logits, edge * nasbench201::kOperations + 1, 5.0);
    state.at("alphas") = logits;
    method.load(state);
    BOOST_TEST(kSpace.facts(method.derive()).skips == (most < 0 ? nasbench201::kEdges : most));
  }
}

BOOST_AUTO_TEST_CASE(drawn_cells_keep_the_skip_cap_too) {
  RelaxedOptions capped = kRelaxed;
  capped.skip_cap = 0;
  BalenasTf method(kSpace, {.balenas = {.relaxed = capped}, .cells = 8, .proxies = {"macs"}}, held_out);
  method.end_phase(0, kNoPause);
  for (const Candidate& candidate : method.candidates())
    BOOST_TEST(kSpace.facts(candidate.cell).skips == 0);
}

BOOST_AUTO_TEST_CASE(pgnas_returns_the_drawn_cell_of_the_best_held_out_accuracy) {
  for (const SearchSpace* space : std::initializer_list<const SearchSpace*>{&kSpace, &kDartsSpace, &kOneShot}) {
    PgnasSearch method(*space, {.pgnas = {.seed = 3}, .draws = 12, .dtype = DType::kFloat64}, held_out);
    take_steps(method, 0, 2);
    method.end_phase(0, kNoPause);
    std::int64_t times = 0;
    double best = 0.0;
    for (const Candidate& candidate : method.candidates()) {
      times += candidate.times;
      best = std::max(best, candidate.score);
    }
    BOOST_TEST(times == 12);
    const std::vector<Candidate> drawn = method.candidates();
    BOOST_TEST(std::ranges::find(drawn, method.derive(), &Candidate::cell)->score == best);
  }
}

BOOST_AUTO_TEST_CASE(bayesnas_keeps_the_operations_of_large_variance_and_none_where_all_are_pruned) {
  const auto cell_with = [](double lambda) {
    BayesNas method(kSpace, without_warmup(lambda), held_out_images());
    take_steps(method, 0, kSteps);
    method.end_phase(0, kNoPause);
    const auto columns = test::by_number(kSpace, method.posterior());
    const nasbench201::Cell cell = nasbench201::parse_cell(method.derive());
    for (std::size_t e = 0; e < cell.edges.size(); ++e) {
      const auto chosen = static_cast<std::size_t>(cell.edges[e]);
      for (std::size_t o = 1; o < 5; ++o) {
        const std::size_t at = e * 5 + o;
        BOOST_TEST((columns.at("kept")[at] == 0.0 ||
                    (chosen > 0 && columns.at("variance")[at] <= columns.at("variance")[e * 5 + chosen])));
      }
    }
    return nasbench201::code(cell);
  };
  BOOST_TEST(cell_with(100.0) == "000000");  // shrunk to nothing
  BOOST_TEST(cell_with(1e-4) != "000000");
}

// A fifth of six steps is the first two.
BOOST_AUTO_TEST_CASE(bayesnas_trains_weights_alone_for_the_first_fifth_of_its_steps) {
  for (const SearchSpace* space : std::initializer_list<const SearchSpace*>{&kSpace, &kOneShot}) {
    BayesNas method(*space, bayesnas_options(), held_out_images());
    const auto switches = [&] { return numbers_of(method.network().owned.network.architecture); };
    const std::vector<double> ones(switches().size(), 1.0);
    const Tensor weight = method.network().owned.network.weights().front()->value.clone();
    take_steps(method, 0, 2);
    BOOST_TEST(switches() == ones, boost::test_tools::per_element());
    BOOST_TEST(!is_same(method.network().owned.network.weights().front()->value, weight));
    take_steps(method, 2, 3);
    BOOST_TEST(switches() != ones);
  }
}

BOOST_AUTO_TEST_CASE(bayesnas_prunes_what_reads_only_pruned_groups) {
  const Toy toy;
  // x and y are redundant; the variance of z behind their sum is above the threshold.
  const auto method = measured(toy, {0.05, 0.055, 0.9}, bayesnas_options());
  const auto columns = test::by_number(toy, method->posterior());
  BOOST_TEST(columns.at("variance")[3] > kPruneThreshold);
  BOOST_TEST(columns.at("kept") == (std::vector<double>{0.0, 0.0, 0.0, 0.0}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(bayesnas_updates_each_group_and_puts_it_behind_the_sum_of_its_gates) {
  const Toy toy;
  BayesNasOptions options = bayesnas_options(0.5);
  options.posterior.laplace.order = UpdateOrder::kCode;
  const auto columns = test::by_number(toy, measured(toy, {0.9, -0.4, 0.7}, options)->posterior());
  const std::vector<double>&gamma = columns.at("gamma"), &variance = columns.at("variance");
  for (std::size_t i = 1; i < 4; ++i) {
    BOOST_TEST(columns.at("hessian")[i] > 0.0);
    GroupState group;
    update_group(group, std::span(&columns.at("norm")[i], 1), std::span(&columns.at("hessian")[i], 1), 0.5,
                 options.posterior.laplace);
    BOOST_TEST(gamma[i] == group.gamma);
    const double gate = i == 3 ? gamma[1] + gamma[2] : std::numeric_limits<double>::infinity();
    BOOST_TEST(variance[i] == effective_variance(gamma[i], gate));
  }
  for (const auto& [name, column] : columns)
    BOOST_TEST(column[0] == 0.0, name);
}

// One update of the default order gives the group's norm.
BOOST_AUTO_TEST_CASE(bayesnas_prunes_by_variances_behind_gates_and_ranks_by_own_ones) {
  const Toy toy;
  const auto cell = [&](const std::vector<double>& switches) {
    return measured(toy, switches, bayesnas_options())->derive();
  };
  BOOST_TEST(cell({0.9, 0.4, 0.2}) == "x y");
  BOOST_TEST(cell({0.9, 0.4, 0.45}) == "x z");       // 0.33 behind its gates
  BOOST_TEST(cell({0.03, 0.02, 0.01}) == "none y");  // all pruned
  BOOST_TEST(cell({0.03, 0.02, 0.9}) == "none z");   // pruned by its gates alone
  BOOST_TEST(cell({0.0, 0.06, 0.9}) == "none y");    // y is kept, z pruned by its gates
}

BOOST_AUTO_TEST_CASE(bayesnas_makes_cells_of_1shot1_by_the_variances_of_operations_and_parents) {
  const auto method_with = [](double lambda) {
    auto method = std::make_unique<BayesNas>(kOneShot, without_warmup(lambda), held_out_images());
    take_steps(*method, 0, kSteps);
    method->end_phase(0, kNoPause);
    return method;
  };
  const auto usual = method_with(1e-4), shrunk = method_with(100.0);
  const auto columns = test::by_number(kOneShot, usual->posterior());
  BOOST_TEST(std::ranges::count(columns.at("kept"), 1.0) == std::ssize(columns.at("kept")));
  BOOST_TEST(usual->derive() == kOneShot.derive(columns.at("gamma")));
  const std::vector<double> equal(columns.at("gamma").size(), 1.0);
  BOOST_TEST(usual->derive() != kOneShot.derive(equal));
  BOOST_TEST(std::ranges::count(shrunk->posterior().columns.at("kept"), 1.0) == 0);
  BOOST_TEST(shrunk->derive() == kOneShot.derive(equal));
}

BOOST_AUTO_TEST_CASE(bayesnas_measures_with_the_statistics_of_its_images_not_with_running_ones_that_no_step_moves) {
  const auto hessian_with = [](double running) {
    BayesNas method(kSpace, bayesnas_options(), held_out_images());
    take_steps(method, 0, 2);
    std::map<std::string, Tensor> state = method.state();
    for (auto& [name, tensor] : state) {
      if (name.ends_with("running_var"))
        tensor = Tensor::full(tensor.shape(), running, DType::kFloat64);
    }
    method.load(state);
    method.end_phase(0, kNoPause);
    return method.posterior().columns.at("hessian");
  };
  const std::vector<double> usual = hessian_with(1.0);
  BOOST_TEST(std::ranges::any_of(usual, [](double h) { return h != 0.0; }));
  BOOST_TEST(usual == hessian_with(100.0), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_search_by_trial_trains_every_candidate_and_keeps_the_best) {
  const auto method = trials([] { return random_proposals(kSpace, 3); })();
  take_steps(*method, 0, kSteps);
  const std::vector<Candidate> judged = method->candidates();
  BOOST_REQUIRE(judged.size() == 3u);
  const double best = std::ranges::max(judged, {}, &Candidate::score).score;
  BOOST_TEST(std::ranges::find(judged, method->derive(), &Candidate::cell)->score == best);
}

BOOST_AUTO_TEST_CASE(a_search_by_trial_whose_scores_have_a_gap_is_damaged) {
  const auto method = trials([] { return random_proposals(kSpace, 3); })();
  std::map<std::string, Tensor> state = method->state();
  state.at("trials.scores") = Tensor::from(std::vector<double>{2.0, 0.5, -1.0, -1.0}, {4});
  BOOST_CHECK_EXCEPTION(method->load(state), CheckpointError, (test::Says{{"candidate 1 before number 2"}}));
}

BOOST_AUTO_TEST_SUITE_END()
