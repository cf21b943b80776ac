// Compression in cycles by every criterion.
#include "nas/compression/cycle/compression.h"

#include <array>
#include <cmath>

#include "engine/math.h"
#include "nas/compression/patterns.h"
#include "nas/models/model.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using test::Says;

namespace {

constexpr std::array kCriteria{Criterion::kMagnitude, Criterion::kGroupLasso, Criterion::kOptimalBrainDamage,
                               Criterion::kEvidence, Criterion::kPublished};

/// LeNet-5 on images of 12x12 and its compression by filters and rows.
struct Compressed {
  explicit Compressed(const CompressionOptions& options)
      : compression(
            parameters,
            {{.family = family_of(Pattern::kFilter, parameters)}, {.family = family_of(Pattern::kRow, parameters)}},
            options),
        trainer(*net, {.sgd = {.momentum = 0.9}, .hooks = compression.training_hooks()}) {}

  static CompressionOptions by(Criterion criterion) { return {.criterion = criterion, .prior = {.lambda = 1e-3}}; }
  WeightDerivatives derivatives() {
    const auto record = [&](Tape& tape, std::size_t) {
      const Variable logits = net->forward({.tape = &tape, .fuses = false}, batch.images).logits;
      return BatchLoss{softmax_cross_entropy(logits, batch.labels), batch.images.size(0)};
    };
    return mean_derivatives(compression.grouped(), 1, record, {.curvature = Curvature::kGaussNewton});
  }
  CycleReport cycle() {
    for (std::uint64_t i = 0; i < 5; ++i)
      trainer.step(batch, 0.02, step++);
    return compression.end_cycle(derivatives(), trainer.optimizer());
  }
  std::vector<double> ones() const { return std::vector<double>(parameters.size(), 1.0); }

  Initial initial{.seed = 6};
  std::unique_ptr<Classifier> net =
      make_model({.name = "lenet5", .classes = 3, .image_channels = 1, .image_size = 28}, initial);
  std::vector<Parameter*> parameters = net->parameters(ParameterKind::kWeight);
  Batch batch = test::noise_batch(6, {.classes = 3, .image_channels = 1, .image_size = 28}, DType::kFloat32);
  Compression compression;
  Trainer trainer;
  std::uint64_t step = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(compression)

BOOST_AUTO_TEST_CASE(every_criterion_meets_a_budget_with_the_fewest_groups) {
  for (Criterion criterion : kCriteria) {
    Compressed net(Compressed::by(criterion));
    const auto all = static_cast<double>(net.compression.masks().kept_entries());
    const CycleReport report = net.compression.meet(0.4 * all, net.ones(), net.derivatives(), net.trainer.optimizer());
    BOOST_TEST(report.cost_left == static_cast<double>(report.weights_left));
    BOOST_TEST(report.cost_left <= 0.4 * all, name_of(criterion));
    // The largest group is a row of the first linear layer.
    double largest = 0.0;
    for (const Parameter* parameter : net.parameters)
      largest = std::max(largest, static_cast<double>(parameter->value.numel() / parameter->value.size(0)));
    BOOST_TEST(report.cost_left > 0.4 * all - largest, name_of(criterion));
  }
}

BOOST_AUTO_TEST_CASE(what_is_ranked_lowest_is_what_goes) {
  Compressed net(Compressed::by(Criterion::kMagnitude));
  const Ranking before =
      rank_groups(Criterion::kMagnitude, net.compression.prior().families()[0], net.compression.masks(), {});
  const auto all = static_cast<double>(net.compression.masks().kept_entries());
  net.compression.meet(0.9 * all, net.ones(), {}, net.trainer.optimizer());
  const std::vector<std::int64_t> left =
      kept_members(net.compression.prior().families()[0].family, net.compression.masks());
  double largest_gone = 0.0, least_kept = HUGE_VAL;
  for (std::size_t g = 0; g < left.size(); ++g)
    (left[g] == 0 ? largest_gone : least_kept) =
        left[g] == 0 ? std::max(largest_gone, before.score[g]) : std::min(least_kept, before.score[g]);
  BOOST_TEST(largest_gone > 0.0);
  BOOST_TEST(largest_gone <= least_kept);
}

BOOST_AUTO_TEST_CASE(by_evidence_the_groups_of_at_most_so_many_nats_go) {
  CompressionOptions options = Compressed::by(Criterion::kEvidence);
  Compressed plain(options);
  const WeightDerivatives derivatives = plain.derivatives();
  const Ranking rows = rank_groups(Criterion::kEvidence, plain.compression.prior().families()[1],
                                   plain.compression.masks(), derivatives, {.lambda = options.prior.lambda});
  options.nats = rows.score[removal_order(rows)[30]];
  Compressed net(options);
  const CycleReport report = net.compression.end_cycle(derivatives, net.trainer.optimizer());
  BOOST_TEST(report.pruned[1] == 31);

  options.most = 0.1;  // of 207 rows and 22 filters
  Compressed slowly(options);
  const CycleReport part = slowly.compression.end_cycle(derivatives, slowly.trainer.optimizer());
  BOOST_TEST(part.pruned[1] == 20);
  for (std::size_t k = 0; k < 31; ++k) {
    const std::int64_t left = kept_members(slowly.compression.prior().families()[1].family,
                                           slowly.compression.masks())[removal_order(rows)[k]];
    BOOST_TEST((left == 0) == (k < 20));
  }
}

BOOST_AUTO_TEST_CASE(the_penalty_is_there_for_the_criteria_that_train_with_it) {
  for (Criterion criterion : kCriteria) {
    Compressed net(Compressed::by(criterion));
    test::parameter_named(*net.net, net.parameters[0]->name).grad = Tensor::zeros(net.parameters[0]->value.shape());
    net.compression.training_hooks().before_update();
    BOOST_TEST((max_abs(net.parameters[0]->grad) > 0.0) == trains_with_penalty(criterion), name_of(criterion));
    net.parameters[0]->grad = Tensor::zeros(net.parameters[0]->value.shape());
    net.compression.tuning_hooks().before_update();
    BOOST_TEST(max_abs(net.parameters[0]->grad) == 0.0);
  }
}

BOOST_AUTO_TEST_CASE(a_cycle_goes_on_from_its_state_with_the_same_bits) {
  Compressed whole(Compressed::by(Criterion::kPublished)), resumed(Compressed::by(Criterion::kPublished));
  whole.cycle();
  resumed.compression.load(whole.compression.state());
  resumed.trainer.optimizer().load(whole.trainer.optimizer().state());
  resumed.step = whole.step;
  for (std::size_t p = 0; p < whole.parameters.size(); ++p)
    copy(whole.parameters[p]->value, resumed.parameters[p]->value);
  whole.cycle();
  resumed.cycle();
  for (std::size_t p = 0; p < whole.parameters.size(); ++p)
    BOOST_TEST(test::has_equal_bits(whole.parameters[p]->value, resumed.parameters[p]->value));
  BOOST_TEST(whole.compression.prior().families()[1].gamma == resumed.compression.prior().families()[1].gamma,
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_is_refused) {
  Compressed by_damage(Compressed::by(Criterion::kOptimalBrainDamage));
  BOOST_CHECK_EXCEPTION(by_damage.cycle(), UsageError, (Says{{"obd", "no threshold", "budget"}}));
  BOOST_CHECK_EXCEPTION(by_damage.compression.meet(1.0, {}, {}, by_damage.trainer.optimizer()), UsageError,
                        (Says{{"costs of 0 parameters"}}));
  BOOST_CHECK_EXCEPTION(
      by_damage.compression.meet(1.0, by_damage.ones(), by_damage.derivatives(), by_damage.trainer.optimizer()),
      UsageError, (Says{{"budget of 1"}}));  // biases stay
  BOOST_CHECK_EXCEPTION(Compressed({.penalty_step = PenaltyStep::kProximal}), UsageError, (Says{{"one family"}}));
  BOOST_CHECK_EXCEPTION(Compressed({.most = 0.0}), UsageError, (Says{{"at most 0 of the groups"}}));
  BOOST_CHECK_EXCEPTION(Compressed({.nats = -1.0}), UsageError, (Says{{"-1 nats"}}));
}

BOOST_AUTO_TEST_SUITE_END()
