// Rankings of groups of weights, thresholds, and removal down to a budget.
#include <cmath>

#include "engine/math.h"
#include "engine/random.h"
#include "nas/bayes/entropy.h"
#include "nas/bayes/evidence/evidence.h"
#include "nas/compression/groups/patterns.h"
#include "nas/compression/ranking/budget.h"
#include "nas/compression/ranking/scores.h"
#include "nas/compression/ranking/thresholds.h"
#include "nas/cost.h"
#include "nas/models/model.h"
#include "nas/train/micro_batches.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using boost::test_tools::per_element;
using boost::test_tools::tolerance;
using test::Says;

namespace {

Tensor drawn(const Shape& shape, std::uint64_t step, double low, double high) {
  Tensor t(shape, DType::kFloat64);
  fill_uniform(t, {.seed = 9, .purpose = Purpose::kTest, .step = step}, low, high);
  return t;
}

struct Weights {
  Parameter first{.name = "fc1.weight", .value = drawn({4, 6}, 1, -1.0, 1.0)};
  Parameter second{.name = "fc2.weight", .value = drawn({3, 4}, 2, -0.1, 0.1)};
  std::vector<Parameter*> all{&first, &second};
  WeightDerivatives derivatives{.hessian = {drawn({4, 6}, 5, -0.1, 2.0), drawn({3, 4}, 6, 0.0, 2.0)}};
  Masks masks{all};
  FamilyPrior rows{.family = family_of(Pattern::kRow, all)};

  Ranking rank(Criterion criterion, const ScoreOptions& options = {.lambda = 0.01}) const {
    return rank_groups(criterion, rows, masks, derivatives, options);
  }
  Tensor row_of_first(std::int64_t row) { return first.value.slice(0, row, row + 1); }
};

std::vector<double> members_of(const WeightGroup& group, const std::vector<Tensor>& tensors) {
  std::vector<double> members;
  for_each_entry(group, [&](std::size_t p, std::int64_t i) { members.push_back(tensors[p].data<double>()[i]); });
  return members;
}

/// LeNet-300-100 on images of 4x4, in float64, and a batch.
struct SmallLeNet {
  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  std::unique_ptr<Classifier> net =
      make_model({.name = "lenet300", .classes = 3, .image_channels = 1, .image_size = 4}, initial);
  std::vector<Parameter*> parameters = net->parameters(ParameterKind::kWeight);
  Batch batch = test::noise_batch(6, {.classes = 3, .image_channels = 1, .image_size = 4});

  /// Derivatives by biases over the batch in parts.
  WeightDerivatives derivatives(const std::vector<Parameter*>& wanted, std::int64_t first_part) {
    const auto record = [&](Tape& tape, std::size_t b) {
      const Batch part = b == 0 ? part_of(batch, 0, first_part) : part_of(batch, first_part, 6);
      const Variable logits = net->forward({.tape = &tape, .fuses = false}, part.images).logits;
      return BatchLoss{softmax_cross_entropy(logits, part.labels), part.images.size(0)};
    };
    return mean_derivatives(wanted, first_part < 6 ? 2 : 1, record);
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(group_ranking)

BOOST_AUTO_TEST_CASE(scores_are_what_their_definitions_say) {
  const Weights weights;
  const std::vector<Tensor> values{weights.first.value, weights.second.value};
  const Ranking magnitude = weights.rank(Criterion::kMagnitude), lasso = weights.rank(Criterion::kGroupLasso),
                damage = weights.rank(Criterion::kOptimalBrainDamage), evidence = weights.rank(Criterion::kEvidence),
                published = weights.rank(Criterion::kPublished);
  BOOST_TEST(published.score == weights.rows.gamma, per_element());
  BOOST_TEST(lasso.score == magnitude.score, per_element());
  for (std::size_t g = 0; g < weights.rows.family.size(); ++g) {
    const WeightGroup group = weights.rows.family.group(g);
    const std::vector<double> w = members_of(group, values), H = members_of(group, weights.derivatives.hessian),
                              no_gradient(w.size());
    double loss = 0.0;
    for (std::size_t i = 0; i < w.size(); ++i)
      loss += 0.5 * H[i] * w[i] * w[i];
    BOOST_TEST(magnitude.score[g] == group_norm(w), tolerance(1e-14));
    BOOST_TEST(damage.score[g] == loss, tolerance(1e-14));
    const double strength = group_evidence(w, no_gradient, H, 0.01).strength;
    BOOST_TEST((strength > 0.0 ? evidence.score[g] == strength : evidence.score[g] <= 0.0));
    BOOST_TEST(evidence.members[g] == std::ssize(w));
  }
}

BOOST_AUTO_TEST_CASE(groups_without_evidence_are_ordered_between_minus_one_and_zero) {
  Weights weights;
  Tensor none = weights.row_of_first(0), weak = weights.row_of_first(1);
  fill(none, 0.0);
  fill(weak, 0.02);
  const Ranking evidence = weights.rank(Criterion::kEvidence);
  BOOST_TEST(evidence.score[0] == -1.0);
  BOOST_TEST(evidence.score[1] > -1.0);
  BOOST_TEST(evidence.score[1] <= 0.0);
  BOOST_TEST(evidence.score[2] > 0.0);
}

// w -> w/c, H -> c^2 H is the same network with other numbers.
BOOST_AUTO_TEST_CASE(damage_and_evidence_do_not_see_the_scale_of_a_group_where_magnitude_does) {
  Weights plain, scaled;
  constexpr double kC = 8.0;
  scale(scaled.first.value, 1.0 / kC);
  scale(scaled.derivatives.hessian[0], kC * kC);
  for (Criterion criterion : {Criterion::kOptimalBrainDamage, Criterion::kEvidence})
    BOOST_TEST(scaled.rank(criterion).score == plain.rank(criterion).score, tolerance(1e-10) << per_element());
  BOOST_TEST(scaled.rank(Criterion::kMagnitude).score[0] < 0.2 * plain.rank(Criterion::kMagnitude).score[0]);
}

BOOST_AUTO_TEST_CASE(evidence_orders_single_weights_as_damage_does) {
  Weights weights;
  weights.rows = FamilyPrior{.family = family_of(Pattern::kElement, weights.all)};
  const Ranking damage = weights.rank(Criterion::kOptimalBrainDamage), evidence = weights.rank(Criterion::kEvidence);
  for (std::size_t a = 0; a < damage.score.size(); ++a) {
    for (std::size_t b = 0; b < damage.score.size(); ++b)
      BOOST_TEST((evidence.score[a] < evidence.score[b]) ==
                 (std::max(damage.score[a], 0.0) < std::max(damage.score[b], 0.0)));
  }
}

BOOST_AUTO_TEST_CASE(per_layer_scores_have_mean_one_in_every_layer) {
  const Weights weights;
  const Ranking whole = weights.rank(Criterion::kMagnitude);
  const Ranking by_layer = weights.rank(Criterion::kMagnitude, {.is_per_layer = true});
  BOOST_TEST(whole.score[4] < 0.3 * whole.score[0]);  // drawn ten times smaller
  BOOST_TEST((by_layer.score[0] + by_layer.score[1] + by_layer.score[2] + by_layer.score[3]) / 4.0 == 1.0,
             tolerance(1e-14));
  BOOST_TEST((by_layer.score[4] + by_layer.score[5] + by_layer.score[6]) / 3.0 == 1.0, tolerance(1e-14));
}

BOOST_AUTO_TEST_CASE(rankings_have_names_and_refuse_what_was_not_measured) {
  for (Criterion criterion : {Criterion::kMagnitude, Criterion::kGroupLasso, Criterion::kOptimalBrainDamage,
                              Criterion::kEvidence, Criterion::kPublished})
    BOOST_TEST((parse_criterion(name_of(criterion)) == criterion));
  BOOST_CHECK_EXCEPTION(parse_criterion("size"), UsageError, (Says{{"'size'", "evidence"}}));
  Weights weights;
  weights.derivatives.hessian[1] = {};
  BOOST_CHECK_EXCEPTION(weights.rank(Criterion::kEvidence), UsageError, (Says{{"evidence", "fc2.weight"}}));
}

BOOST_AUTO_TEST_CASE(each_threshold_takes_what_it_names) {
  Weights weights;
  const auto marked = [&](const ThresholdOptions& options) {
    return redundant_groups(weights.rows, {}, weights.masks, weights.derivatives.hessian, options);
  };
  const ThresholdOptions nothing{.relative = {}, .max_abs = {}, .uninformed = false};
  BOOST_CHECK_THROW(marked(nothing), UsageError);
  const std::vector<bool> first{true, false, false, false, false, false, false};

  weights.rows.gamma = {0.009, 1.0, 2.0, 3.0, 1.0, 2.0, 3.0};
  ThresholdOptions relative = nothing;
  relative.relative = 0.0046;  // of medians 2 and 2
  BOOST_TEST(marked(relative) == first, per_element());
  relative.relative = 0.0044;
  BOOST_TEST(marked(relative) == std::vector<bool>(7), per_element());

  double square = 0.0;
  for (double w : weights.first.value.span<double>())
    square += w * w / 24.0;
  ThresholdOptions normalised = nothing;
  normalised.normalised = kPruneThreshold;
  weights.rows.gamma[0] = 0.999 * kPruneThreshold * square;
  BOOST_TEST(marked(normalised) == first, per_element());
  weights.rows.gamma[0] = 1.001 * kPruneThreshold * square;
  BOOST_TEST(marked(normalised) == std::vector<bool>(7), per_element());

  ThresholdOptions alpha = nothing;
  alpha.alpha = 0.5;
  weights.rows.omega[0] = std::sqrt(6.0 * 0.51);
  for (std::size_t g = 1; g < 7; ++g)
    weights.rows.omega[g] = std::sqrt(3.0 * 0.49);
  BOOST_TEST(marked(alpha) == first, per_element());

  ThresholdOptions uninformed = nothing;
  uninformed.uninformed = true;
  BOOST_TEST(marked(uninformed) == std::vector<bool>(7), per_element());
  Tensor curvature = weights.derivatives.hessian[0].slice(0, 0, 1);
  fill(curvature, 0.0);
  BOOST_TEST(marked(uninformed) == first, per_element());

  ThresholdOptions largest = nothing;
  largest.max_abs = 1e-3;
  BOOST_TEST(marked(largest) == std::vector<bool>(7), per_element());
  Tensor row = weights.row_of_first(0);
  fill(row, 0.9e-3);
  BOOST_TEST(marked(largest) == first, per_element());
  weights.masks.prune(weights.rows.family.group(0));
  BOOST_TEST(marked(largest) == std::vector<bool>(7), per_element());
}

BOOST_AUTO_TEST_CASE(a_group_that_is_gone_has_no_members) {
  Weights weights;
  weights.masks.prune(weights.rows.family.group(5));
  const Ranking ranking = weights.rank(Criterion::kMagnitude);
  BOOST_TEST(ranking.members[5] == 0);
  BOOST_TEST(ranking.members[4] == 4);
}

BOOST_AUTO_TEST_CASE(groups_are_removed_until_the_budget_holds_and_no_further) {
  const std::vector<double> costs{36.0, 32.0, 26.0, 20.0, 14.0, 8.0, 4.0, 0.0};
  const auto removals = [&](double budget) {
    return fewest_removals(costs.size() - 1, budget, "weights", [&](std::size_t k) { return costs[k]; });
  };
  BOOST_TEST(removals(36.0).count == 0u);
  BOOST_TEST(removals(35.0).count == 1u);
  BOOST_TEST(removals(20.0).count == 3u);
  BOOST_TEST(removals(20.0).cost == 20.0);
  BOOST_TEST(removals(19.0).count == 4u);
  BOOST_TEST(removals(19.0).cost == 14.0);
  BOOST_TEST(removals(0.0).count == 7u);
  BOOST_CHECK_EXCEPTION(removals(-1.0), UsageError, (Says{{"all 7 groups", "0 weights are left", "budget of -1"}}));
}

// As time does, which is not the same twice and falls in steps.
BOOST_AUTO_TEST_CASE(where_costs_do_not_fall_evenly_what_is_found_fits) {
  const std::vector<double> costs{9.0, 9.5, 7.0, 7.2, 7.1, 4.0, 4.4, 3.0, 3.1};
  for (const double budget : {9.4, 7.1, 4.2, 3.1}) {
    const Removals found = fewest_removals(8, budget, "milliseconds", [&](std::size_t k) { return costs[k]; });
    BOOST_TEST(found.cost == costs[found.count]);
    BOOST_TEST(found.cost <= budget);
    BOOST_TEST((found.count == 0 || costs[found.count - 1] > budget));
  }
}

BOOST_AUTO_TEST_CASE(multiply_accumulates_of_all_entries_are_those_of_the_network) {
  Initial initial{.seed = 3};
  const auto net = make_model({.name = "lenet5", .image_channels = 1, .image_size = 28}, initial);
  const std::vector<Parameter*> parameters = net->parameters(ParameterKind::kWeight);
  Tape tape;
  net->forward({.tape = &tape, .fuses = false}, Tensor::zeros({1, 1, 28, 28}));
  const std::vector<double> per_entry = macs_per_entry(tape, parameters);
  double total = 0.0;
  for (std::size_t p = 0; p < parameters.size(); ++p)
    total += per_entry[p] * static_cast<double>(parameters[p]->value.numel());
  BOOST_TEST(std::llround(total) == count_macs(tape));
  BOOST_TEST(per_entry[0] == 28.0 * 28.0);  // a filter of the first layer sees as many places
}

BOOST_AUTO_TEST_CASE(derivatives_over_batches_are_those_of_all_images_at_once) {
  SmallLeNet lenet;
  const WeightDerivatives parts = lenet.derivatives(lenet.parameters, 2),
                          whole = lenet.derivatives(lenet.parameters, 6);
  BOOST_TEST(parts.images == 6);
  BOOST_TEST((parts.algorithm == HessianAlgorithm::kReverse));
  BOOST_TEST(parts.negative == 0);
  BOOST_TEST(parts.loss == whole.loss, tolerance(1e-13));
  for (std::size_t p = 0; p < lenet.parameters.size(); ++p)
    BOOST_TEST(test::relative_gap(parts.hessian[p], whole.hessian[p]) < 1e-12);
}

BOOST_AUTO_TEST_CASE(derivatives_are_taken_by_what_is_wanted_and_agree_with_differences) {
  SmallLeNet lenet;
  std::vector<Parameter*> wanted(lenet.parameters.size());
  wanted[4] = lenet.parameters[4];  // fc3.weight
  const WeightDerivatives derivatives = lenet.derivatives(wanted, 6);
  BOOST_TEST(!derivatives.hessian[0].is_defined());
  const auto build = [&](Tape& tape) {
    return softmax_cross_entropy(lenet.net->forward({.tape = &tape}, lenet.batch.images).logits, lenet.batch.labels);
  };
  for (std::int64_t i : {0, 57, 299})
    BOOST_TEST(std::abs(derivatives.hessian[4].data<double>()[i] -
                        hessian_by_difference(build, *lenet.parameters[4], i)) < 1e-8);
  BOOST_CHECK_THROW(mean_derivatives(wanted, 0, {}), UsageError);
}

// LeNet-5 has tanh: exact second derivatives would take a sweep a weight, Gauss-Newton does not.
BOOST_AUTO_TEST_CASE(gauss_newton_of_a_smooth_network_comes_from_reverse_sweeps_as_from_tangents) {
  Initial initial{.seed = 3, .dtype = DType::kFloat64};
  const auto net = make_model({.name = "lenet5", .classes = 3, .image_channels = 1, .image_size = 28}, initial);
  const Batch batch = test::noise_batch(3, {.classes = 3, .image_channels = 1, .image_size = 28});
  std::vector<Parameter*> some{&test::parameter_named(*net, "conv1.weight"), &test::parameter_named(*net, "fc3.bias")};
  const auto diagonal = [&](const HessianOptions& options) {
    Tape tape;
    const Variable logits = net->forward({.tape = &tape, .fuses = false}, batch.images).logits;
    return hessian_diagonal(softmax_cross_entropy(logits, batch.labels), some, options);
  };
  const HessianResult reverse = diagonal({.curvature = Curvature::kGaussNewton});
  const HessianResult forward =
      diagonal({.curvature = Curvature::kGaussNewton, .algorithm = HessianAlgorithm::kForward});
  BOOST_TEST((reverse.algorithm == HessianAlgorithm::kReverse));
  BOOST_TEST(reverse.columns == 2);
  for (std::size_t p = 0; p < some.size(); ++p)
    BOOST_TEST(test::relative_gap(reverse.diagonal[p], forward.diagonal[p]) < 1e-12);
  BOOST_TEST((diagonal({}).algorithm == HessianAlgorithm::kForward));
  BOOST_TEST(test::relative_gap(diagonal({}).diagonal[0], forward.diagonal[0]) > 1e-3);
}

BOOST_AUTO_TEST_SUITE_END()
