// Rounds that prune by evidence: what of one round is compared with the next, and when they end.
#include <cmath>

#include "nas/spaces/nasbench201/search_space.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_equal_bits;
using ockham::test::noise_batch;

namespace {

constexpr Rule kEvidenceRules[] = {Rule::kEvidence, Rule::kJointEvidence};

const nasbench201::Space kSpace({.channels = 2, .cells_per_stage = 1, .classes = 3});

Batch small_batch(std::uint64_t stream) {
  return noise_batch(6, {.classes = 3, .image_size = 8}, DType::kFloat64, stream);
}

BayesNasOptions with(Rule rule, double lambda) {
  BayesNasOptions options = BayesNasOptions::for_single_options();
  options.rule.rule = rule;
  options.rounds = 4;
  options.posterior.lambda_child = options.posterior.lambda_origin = lambda;
  options.seed = 7;
  options.dtype = DType::kFloat64;
  return options;
}

/// All rounds see the batch that steps learn from.
struct Rounds {
  Rounds(Rule rule, double lambda) : method(kSpace, with(rule, lambda), source()) {}
  static ImageSource source() {
    ImageSource images;
    images.sample = [](std::int64_t, std::int64_t draw) { return small_batch(100 + static_cast<std::uint64_t>(draw)); };
    return images;
  }
  void learn(std::size_t phase, int steps, double lr = 0.05) {
    for (int i = 0; i < steps; ++i)
      method.step(small_batch(101), {}, {.phase = phase, .number = 50, .total = 100, .lr = lr});
  }
  BayesNas method;
};

/// log of the integral of exp(-H (x - w)^2 / (2 lambda)) N(x; 0, v) over x, times lambda, by Simpson's rule.
double integrated(double w, double H, double v, double lambda) {
  constexpr int kPieces = 200000;
  const double from = -6.0, step = 12.0 / kPieces;
  double sum = 0.0;
  for (int i = 0; i <= kPieces; ++i) {
    const double x = from + i * step, d = x - w;
    const double value = std::exp(-0.5 * H * d * d / lambda - 0.5 * x * x / v) / std::sqrt(2.0 * M_PI * v);
    sum += value * (i == 0 || i == kPieces ? 1.0 : i % 2 == 1 ? 4.0 : 2.0);
  }
  return lambda * std::log(sum * step / 3.0);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(rounds)

BOOST_AUTO_TEST_CASE(the_log_evidence_of_an_image_is_that_of_the_images_with_the_switches_integrated_out) {
  constexpr double kLambda = 0.01, kLoss = 1.7;
  const std::vector<double> w{0.5, -0.3}, g{0.02, 0.001}, H{0.6, 0.2};
  std::vector<SwitchGroup> groups{make_group({}, 1), make_group({}, 1)};
  SwitchCurvature curvature{
      .loss = kLoss, .w = {{w[0]}, {w[1]}}, .gradient = {{g[0]}, {g[1]}}, .hessian = {{H[0]}, {H[1]}}};
  curvature.matrix = {H[0], 0.0, 0.0, H[1]};
  PosteriorOptions options;
  options.lambda_child = options.lambda_origin = kLambda;
  for (const Rule rule : kEvidenceRules) {
    const Verdict verdict = judge(groups, curvature, 1, options, {.rule = rule});
    double expected = -kLoss;
    for (std::size_t i = 0; i < w.size(); ++i) {
      BOOST_REQUIRE(verdict.variance[i] > 0.0);
      expected += integrated(w[i], H[i], verdict.variance[i], kLambda);
    }
    BOOST_TEST(std::abs(verdict.per_image - expected) < 1e-9);
  }
}

BOOST_AUTO_TEST_CASE(later_rounds_have_epochs_of_their_own_on_the_same_part) {
  BayesNasOptions options = with(Rule::kEvidence, 0.01);
  options.rounds = 3;
  options.round_epochs = 1;
  const BayesNas single(kSpace, options, {});
  const std::vector<Phase> phases = single.phases(4);
  BOOST_REQUIRE_EQUAL(phases.size(), 3u);
  BOOST_TEST(phases[0].epochs == 4);
  BOOST_TEST(phases[2].epochs == 1);
  BOOST_TEST((phases[2].part == Part::kWeights));
  BOOST_TEST(phases[2].name == "round 3");
}

BOOST_AUTO_TEST_CASE(rounds_end_when_nothing_was_gained) {
  Rounds rounds(Rule::kEvidence, 1e-9);  // so small that every group is worth something
  rounds.learn(0, 3);
  rounds.method.end_phase(0, kNoPause);
  BOOST_TEST(!rounds.method.ends_early());
  rounds.method.end_phase(1, kNoPause);  // nothing was learned in between, and nothing pruned
  const Round& last = *rounds.method.last_round();
  BOOST_REQUIRE_EQUAL(last.moves.size(), 2u);
  BOOST_TEST(last.moves[0].pruned == 0);
  BOOST_TEST(last.moves[1].moved == 0.0);
  BOOST_TEST(last.moves[1].per_image == last.moves[0].per_image);
  BOOST_TEST(rounds.method.ends_early());
  BOOST_TEST(last.ends);
}

BOOST_AUTO_TEST_CASE(rounds_go_on_while_the_evidence_of_the_same_images_rises) {
  for (const Rule rule : kEvidenceRules) {
    Rounds rounds(rule, 0.01);
    rounds.learn(0, 3);
    rounds.method.end_phase(0, kNoPause);
    rounds.learn(1, 30);
    rounds.method.end_phase(1, kNoPause);
    const std::vector<RoundEvidence>& moves = rounds.method.last_round()->moves;
    BOOST_TEST(moves[1].loss < moves[0].loss);
    BOOST_TEST(moves[1].per_image > moves[0].per_image);
    BOOST_TEST(moves[1].per_image < -moves[1].loss);
    BOOST_TEST(moves[1].moved > 0.0);
    BOOST_TEST(!rounds.method.ends_early());
    const PosteriorTable table = rounds.method.posterior();
    BOOST_REQUIRE_EQUAL(table.rounds.size(), 2u);
    BOOST_TEST(table.rounds[1][2].second == moves[1].per_image);
  }
}

BOOST_AUTO_TEST_CASE(a_search_saved_between_rounds_goes_on_with_the_same_bits) {
  for (const Rule rule : kEvidenceRules) {
    Rounds whole(rule, 0.1), resumed(rule, 0.1);
    whole.learn(0, 3);
    whole.method.end_phase(0, kNoPause);
    BOOST_TEST(whole.method.last_round()->pruned > 0);
    resumed.method.load(whole.method.state());
    for (Rounds* rounds : {&whole, &resumed}) {
      rounds->learn(1, 4);
      rounds->method.end_phase(1, kNoPause);
    }
    BOOST_TEST((whole.method.last_round()->moves == resumed.method.last_round()->moves));
    BOOST_TEST(whole.method.ends_early() == resumed.method.ends_early());
    BOOST_TEST(whole.method.derive() == resumed.method.derive());
    const auto state = whole.method.state(), other = resumed.method.state();
    for (const auto& [name, tensor] : state)
      BOOST_TEST(has_equal_bits(tensor, other.at(name)), name);
  }
}

BOOST_AUTO_TEST_CASE(rounds_of_the_entropy_rule_do_not_end_early) {
  Rounds rounds(Rule::kEntropy, 0.01);
  rounds.method.end_phase(0, kNoPause);
  rounds.method.end_phase(1, kNoPause);
  BOOST_TEST(!rounds.method.ends_early());
  BOOST_TEST(rounds.method.last_round()->moves.empty());
}

BOOST_AUTO_TEST_CASE(a_damaged_list_of_rounds_is_refused) {
  Rounds rounds(Rule::kEvidence, 0.01);
  rounds.method.end_phase(0, kNoPause);
  auto state = rounds.method.state();
  state.at("bayes.rounds") = Tensor::zeros({5}, DType::kFloat64);
  BOOST_CHECK_EXCEPTION(rounds.method.load(state), CheckpointError, (test::Says{{"bayes.rounds has 5 numbers"}}));
}

BOOST_AUTO_TEST_SUITE_END()
