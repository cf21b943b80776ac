// The rules of evidence in searches of small networks: what they must not depend on, and what is kept of them.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/parallel.h"
#include "nas/spaces/nasbench1shot1/search_space.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_equal_bits;
using ockham::test::noise_batch;

namespace {

constexpr double kLambda = 0.01;
constexpr Rule kEvidenceRules[] = {Rule::kEvidence, Rule::kJointEvidence};

BayesNasOptions with(Rule rule, BayesNasOptions options = {}, double lambda = kLambda) {
  options.rule.rule = rule;
  options.posterior.lambda_child = options.posterior.lambda_origin = lambda;
  options.switch_lr = 1e-4;
  options.seed = 7;
  options.dtype = DType::kFloat64;
  return options;
}

struct Search : test::BayesNasSearch {
  explicit Search(Rule rule, double lambda = kLambda) : BayesNasSearch(spec(), with(rule, {}, lambda)) {
    test::shake(net);
  }

  static SupernetSpec spec() {
    SupernetSpec result = test::tiny(SupernetSpec::bayesnas(2));
    result.frame.channels = 2;
    return result;
  }
  Batch batch(std::uint64_t stream) const { return noise_batch(12, net.spec().frame, DType::kFloat64, stream); }
  int prune(int round = 1) {
    method.measure_curvature(batch(50));
    return method.update_and_prune(round);
  }
};

/// Scales the last weights of an operation in all reduction cells by c and its switches by 1/c: the network is the
/// same.
void rescale(Supernet& net, std::size_t edge, std::size_t op, double c) {
  for (const int cell : {1, 2}) {
    const std::string prefix = concat("cells.", cell, "._ops.", edge, "._ops.", op, ".");
    Parameter* last = nullptr;
    for (Parameter* parameter : net.parameters(ParameterKind::kWeight)) {
      if (parameter->name.starts_with(prefix))
        last = parameter;
    }
    BOOST_REQUIRE(last != nullptr);
    scale(last->value, c);
  }
  for (Parameter* parameter : net.switches(CellKind::kReduction, edge))
    test::write(parameter->value, static_cast<std::int64_t>(op),
                test::read(parameter->value, static_cast<std::int64_t>(op)) / c);
}

bool are_close(const std::vector<double>& a, const std::vector<double>& b, double tolerance) {
  return std::ranges::equal(a, b, [&](double x, double y) {
    return std::abs(x - y) <= tolerance * std::max({1.0, std::abs(x), std::abs(y)});
  });
}

/// A search of a space whose cells take one option of a choice.
BayesNas single(const SearchSpace& space, Rule rule) {
  return {space, with(rule, BayesNasOptions::for_single_options()), {}};
}

Batch small_batch(std::uint64_t stream = 3) {
  return noise_batch(6, {.classes = 3, .image_size = 8}, DType::kFloat64, stream);
}

const nasbench201::Space kSpace({.channels = 2, .cells_per_stage = 1, .classes = 3});

}  // namespace

BOOST_AUTO_TEST_SUITE(bayesnas_evidence)

BOOST_AUTO_TEST_CASE(an_operation_scaled_against_its_switch_has_the_same_strength_and_the_cell_is_the_same) {
  for (const Rule rule : kEvidenceRules) {
    constexpr double kSparse = 0.3;
    Search one(rule, kSparse), other(rule, kSparse);
    rescale(other.net, 1, 2, 0.1);
    rescale(other.net, 3, 1, 3.7);
    const Batch batch = one.batch(50);
    BOOST_TEST(test::relative_gap(other.net.forward({}, batch.images).value(),
                                  one.net.forward({}, batch.images).value()) < 1e-10);
    one.prune();
    other.prune();
    const Verdict &a = *one.method.verdict(), &b = *other.method.verdict();
    BOOST_TEST(are_close(a.strength, b.strength, 1e-8));
    BOOST_TEST(are_close(a.block, b.block, 1e-8));
    BOOST_TEST(a.is_redundant == b.is_redundant, boost::test_tools::per_element());
    BOOST_TEST(one.method.derive() == other.method.derive());
    const auto kept = std::ranges::count(a.is_redundant, false), all = std::ssize(a.is_redundant);
    BOOST_TEST(kept > 10);
    BOOST_TEST(kept < all - 10);
    // The norm is not so: what was scaled up by 10 or so is another group to the published rule.
    BOOST_TEST(one.operation(CellKind::kReduction, 1, 2).state.gamma <
               0.2 * other.operation(CellKind::kReduction, 1, 2).state.gamma);
  }
}

BOOST_AUTO_TEST_CASE(the_matrix_has_the_diagonal_that_the_diagonal_rule_measures) {
  Search diagonal(Rule::kEvidence), joint(Rule::kJointEvidence);
  const Batch batch = diagonal.batch(50);
  const HessianReport one = diagonal.method.measure_curvature(batch), other = joint.method.measure_curvature(batch);
  BOOST_TEST(one.entries == other.entries);
  BOOST_REQUIRE_EQUAL(one.result.diagonal.size(), other.result.diagonal.size());
  for (std::size_t i = 0; i < one.result.diagonal.size(); ++i)
    BOOST_TEST(test::relative_gap(other.result.diagonal[i], one.result.diagonal[i]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(a_verdict_has_the_same_bits_at_one_and_two_threads) {
  const int threads = thread_count();
  for (const Rule rule : kEvidenceRules) {
    const auto run = [&](int count) {
      set_thread_count(count);
      Search search(rule);
      search.prune();
      return *search.method.verdict();
    };
    BOOST_TEST((run(1) == run(2)));
  }
  set_thread_count(threads);
}

BOOST_AUTO_TEST_CASE(a_search_saved_and_loaded_has_the_same_verdict_table_and_later_rounds) {
  for (const Rule rule : kEvidenceRules) {
    Search whole(rule);
    whole.prune();
    Search resumed(rule);
    resumed.method.load(whole.method.state());
    BOOST_TEST((*whole.method.verdict() == *resumed.method.verdict()));
    const auto table = [](const Search& search) { return posterior_json(search.method.posterior(), "bayesnas", "x"); };
    BOOST_TEST(table(whole) == table(resumed));
    for (Search* search : {&whole, &resumed}) {
      search->method.joint_step(search->batch(3), {.number = 3, .lr = 1e-4});
      search->prune(2);
    }
    BOOST_TEST(table(whole) == table(resumed));
    BOOST_TEST(whole.method.derive() == resumed.method.derive());
    const auto state = whole.method.state(), other = resumed.method.state();
    BOOST_TEST(state.size() == other.size());
    for (const auto& [name, tensor] : state)
      BOOST_TEST(has_equal_bits(tensor, other.at(name)), name);
  }
}

BOOST_AUTO_TEST_CASE(a_judged_state_of_another_network_is_refused) {
  Search search(Rule::kJointEvidence);
  search.prune();
  auto state = search.method.state();
  state.at("bayes.judged.matrix") = Tensor::zeros({4}, DType::kFloat64);
  BOOST_CHECK_EXCEPTION(search.method.load(state), CheckpointError, (test::Says{{"another network"}}));
}

BOOST_AUTO_TEST_CASE(the_state_of_the_entropy_rule_has_nothing_more_in_it) {
  Search search(Rule::kEntropy);
  search.prune();
  BOOST_TEST(search.method.verdict() == nullptr);
  for (const auto& [name, tensor] : search.method.state())
    BOOST_TEST(!name.starts_with("bayes.judged"), name);
}

BOOST_AUTO_TEST_CASE(what_stays_is_above_the_threshold_with_its_edge_and_every_group_says_why) {
  for (const Rule rule : kEvidenceRules) {
    Search search(rule);
    search.prune();
    const PosteriorTable table = search.method.posterior();
    BOOST_TEST(table.evidence.value() > 0.0);
    BOOST_TEST(table.threshold.value() == 0.0);
    BOOST_TEST(table.correlation.has_value() == (rule == Rule::kJointEvidence));
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      const bool is_origin = table.rows[i].option == "origin", is_kept = table.columns.at("kept")[i] == 1.0;
      const double worth = table.columns.at(is_origin ? "block" : "strength")[i];
      BOOST_TEST((!is_kept || worth > 0.0));
      BOOST_TEST(table.rows[i].reason.starts_with(is_kept ? "kept: " : "pruned in round 1: "), table.rows[i].reason);
      BOOST_TEST(table.rows[i].reason.find("nats") != std::string::npos);
    }
    const auto json = nlohmann::json::parse(posterior_json(table, "bayesnas", "bayesnas"));
    BOOST_TEST(json["groups"][0].contains("reason"));
    BOOST_TEST(json.contains("correlation") == (rule == Rule::kJointEvidence));
    if (rule == Rule::kJointEvidence)
      BOOST_TEST(json["correlation"]["matrix"].size() == json["correlation"]["groups"].size());
    const std::vector<CellPicture> pictures = search.method.pictures();
    BOOST_TEST(pictures[0].svg.find("evidence in nats") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(nothing_left_is_an_error_that_names_strengths) {
  BayesNasOptions options = with(Rule::kJointEvidence);
  options.posterior.lambda_child = options.posterior.lambda_origin = 1e3;
  test::BayesNasSearch search(Search::spec(), options);
  search.method.measure_curvature(noise_batch(4, search.net.spec().frame, DType::kFloat64, 1));
  BOOST_CHECK_EXCEPTION(search.method.update_and_prune(1), UsageError,
                        (test::Says{{"lambda is too large", "strength above 0"}}));
}

BOOST_AUTO_TEST_CASE(the_entropy_rule_says_why_too) {
  Search search(Rule::kEntropy);
  BOOST_TEST(search.method.posterior().rows[0].reason.empty());
  search.prune();
  for (const PosteriorTable::Row& row : search.method.posterior().rows)
    BOOST_TEST(row.reason.find("its variance") != std::string::npos, row.reason);
}

BOOST_AUTO_TEST_CASE(cells_of_one_option_a_choice_take_what_the_verdict_says) {
  for (const Rule rule : kEvidenceRules) {
    BayesNas method = single(kSpace, rule);
    test::shake(*method.network().owned.module);
    method.measure_curvature(small_batch());
    method.update_and_prune(1);
    const std::string cell = method.derive();
    BOOST_TEST(cell == kSpace.derive(method.verdict()->numbers));
    const std::vector<double> taken = kSpace.indicator(cell);
    const PosteriorTable table = method.posterior();
    std::size_t row = 0, chosen = 0;
    for (std::size_t i = 0; i < taken.size(); ++i) {
      if (method.network().groups[i].copies.empty())
        continue;
      BOOST_TEST(table.rows[row].reason.starts_with(taken[i] == 1.0 ? "taken" : "left out"), table.rows[row].reason);
      chosen += taken[i] == 1.0;
      ++row;
    }
    BOOST_TEST(chosen > 0u);
  }
}

BOOST_AUTO_TEST_CASE(cells_of_1shot1_take_as_many_inputs_as_they_must) {
  const nasbench1shot1::SearchableSpace space(nasbench1shot1::Space::k1,
                                              {.channels = 4, .cells_per_stack = 1, .classes = 3});
  for (const Rule rule : kEvidenceRules) {
    BayesNas method = single(space, rule);
    method.measure_curvature(small_batch());
    method.update_and_prune(1);
    BOOST_CHECK_NO_THROW(space.indicator(method.derive()));
  }
}

BOOST_AUTO_TEST_CASE(what_a_rule_could_not_be_measured_by_is_refused) {
  const auto refused = [](BayesNasOptions options, std::initializer_list<std::string_view> parts) {
    BOOST_CHECK_EXCEPTION(require_usable(options), UsageError, test::Says{parts});
  };
  refused({.rule = {.rule = Rule::kEvidence}, .hessian = {.curvature = Curvature::kRecursion}},
          {"--hessian recursion", "no derivative"});
  refused({.rule = {.rule = Rule::kJointEvidence}, .hessian_batch_norm = BatchNormMode::kBatch},
          {"--hessian-bn batch", "couples"});
  refused({.rule = {.rule = Rule::kJointEvidence}, .hessian = {.algorithm = HessianAlgorithm::kForward}},
          {"--hessian-algorithm forward"});
  refused({.posterior = {.lambda_child = 0.01, .lambda_origin = 0.02}, .rule = {.rule = Rule::kJointEvidence}},
          {"--lambda-origin 0.02", "one posterior"});
  BOOST_CHECK_NO_THROW(require_usable({.posterior = {.lambda_child = 0.01, .lambda_origin = 0.02},
                                       .rule = {.rule = Rule::kEvidence},
                                       .hessian_batch_norm = BatchNormMode::kBatch}));
}

BOOST_AUTO_TEST_CASE(a_round_reports_its_evidence_and_how_far_two_halves_of_its_images_are_apart) {
  const Batch batch = noise_batch(8, Search::spec().frame, DType::kFloat64, 9);
  ImageSource images;
  images.sample = [&](std::int64_t, std::int64_t) { return batch; };
  BayesNasOptions options = with(Rule::kJointEvidence);
  options.warmup_epochs = 0;
  test::BayesNasSearch search(Search::spec(), options, images);
  test::shake(search.net);
  search.method.end_phase(0, kNoPause);
  const EvidenceReport& report = search.method.last_round()->evidence.value();
  BOOST_TEST(report.judged == 2 * 4 * 8);
  BOOST_TEST(report.kept == std::ranges::count(search.method.verdict()->is_redundant, false) - 8);  // none of 8 edges
  BOOST_TEST(report.evidence == search.method.verdict()->evidence);
  BOOST_TEST(report.halves->mean_move > 0.0);
  BOOST_TEST(report.halves->largest_move >= report.halves->mean_move);
  const PosteriorTable table = search.method.posterior();
  BOOST_TEST(table.columns.at("strength_first_half") != table.columns.at("strength_second_half"));
}

BOOST_AUTO_TEST_SUITE_END()
