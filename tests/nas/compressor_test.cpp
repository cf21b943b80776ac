// Cycles of pruning under every rule: what goes, what stays, what a budget means.
#include "nas/compression/cycles/compressor.h"

#include <cmath>

#include "nas/compression/cycles/tied_groups.h"
#include "nas/models/model.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

constexpr std::int64_t kSize = 6, kClasses = 3;
constexpr Criterion kAll[] = {Criterion::kMagnitude, Criterion::kGroupLasso, Criterion::kOptimalBrainDamage,
                              Criterion::kEvidence, Criterion::kPublished};

/// LeNet-300-100 on small images with its optimiser, and a Compressor of it.
struct Compression {
  Initial initial{.seed = 4};
  std::unique_ptr<Classifier> net =
      make_model({.name = "lenet300", .classes = kClasses, .image_channels = 1, .image_size = kSize}, initial);
  std::vector<Parameter*> parameters = net->parameters(ParameterKind::kWeight);
  Sgd optimizer{parameters, {.momentum = 0.9}};
  Compressor compressor;

  /// @param of_first  multiply-accumulates of an entry of the first layer's weight; of all others there is one
  explicit Compression(CompressorOptions options, bool is_tied = true, double of_first = 1.0)
      : compressor(parameters, macs_per_entry(of_first), groups(is_tied), options) {}

  std::vector<double> macs_per_entry(double of_first) const {
    std::vector<double> result(parameters.size(), 1.0);
    result[0] = of_first;
    return result;
  }
  CompressionGroups groups(bool is_tied) {
    const ChannelGraph graph([this](const Context& c, const Variable& x) { return net->forward(c, x).logits; }, *net,
                             {1, kSize, kSize});
    return is_tied ? tied_groups(graph, parameters) : pattern_groups(std::vector{Pattern::kRow}, graph, parameters);
  }
  CycleReport end_cycle(std::int64_t cycle) {
    const FrameSpec frame{.classes = kClasses, .image_channels = 1, .image_size = kSize};
    const Batch batch = test::noise_batch(32, frame, DType::kFloat32, 5);
    const auto record = [&](Tape& tape, std::size_t) {
      const Variable logits = net->forward({.tape = &tape, .fuses = false}, batch.images).logits;
      return BatchLoss{softmax_cross_entropy(logits, batch.labels), batch.images.size(0)};
    };
    return compressor.end_cycle(cycle, compressor.measure(1, record), optimizer);
  }
  std::vector<float> weights() const {
    std::vector<float> all;
    for (const Parameter* parameter : parameters)
      all.insert(all.end(), parameter->value.span<float>().begin(), parameter->value.span<float>().end());
    return all;
  }
};

CompressorOptions with_budget(Criterion rule, double params, std::int64_t cycles = 1) {
  return {.rule = rule, .cycles = cycles, .budget = CompressionBudget{CompressionBudget::Of::kParams, params}};
}

/// A network that takes 1 ms and a tenth for each thousand weights, as if kernels liked round numbers.
CompressorOptions with_latency(double most, std::int64_t cycles = 1) {
  CompressorOptions options = with_budget(Criterion::kMagnitude, most, cycles);
  options.budget->of = CompressionBudget::Of::kLatency;
  options.budget->milliseconds = [](const Masks& masks) {
    return 1.0 + 0.1 * std::floor(static_cast<double>(masks.kept_entries()) / 1000.0);
  };
  return options;
}

auto fails_with(const std::string& text) {
  return [text](const UsageError& e) { return std::string(e.what()).find(text) != std::string::npos; };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(compressor)

BOOST_AUTO_TEST_CASE(every_rule_meets_a_budget_in_equal_shares_of_what_is_left) {
  for (const Criterion rule : kAll) {
    Compression compression(with_budget(rule, 2000.0, 3));
    const double dense = compression.compressor.params();
    for (std::int64_t cycle = 1; cycle <= 3; ++cycle) {
      const double target = dense * std::pow(2000.0 / dense, static_cast<double>(cycle) / 3.0);
      const CycleReport report = compression.end_cycle(cycle);
      BOOST_TEST(report.params <= target);
      BOOST_TEST(report.params > 0.97 * target);  // a group is 3 % of the smallest target at most
    }
  }
}

BOOST_AUTO_TEST_CASE(a_budget_of_multiply_accumulates_counts_weights_by_their_layer) {
  CompressorOptions options = with_budget(Criterion::kMagnitude, 3000.0);
  options.budget->of = CompressionBudget::Of::kMacs;
  Compression compression(options, true, 4.0);
  const CycleReport report = compression.end_cycle(1);
  const auto of_first = static_cast<double>(compression.compressor.masks().kept_entries(0));
  BOOST_TEST(report.macs == report.params + 3.0 * of_first);
  BOOST_TEST(report.macs <= 3000.0);
  BOOST_TEST(report.macs > 2700.0);  // a neuron of the first layer is at most 252 with its readers
}

BOOST_AUTO_TEST_CASE(a_budget_of_time_is_met_by_networks_that_were_timed) {
  Compression compression(with_latency(2.0, 2));
  const double dense = compression.compressor.dense_cost();
  BOOST_TEST(dense > 5.0);
  BOOST_TEST(compression.end_cycle(1).cost <= std::sqrt(2.0 * dense));
  const CycleReport report = compression.end_cycle(2);
  BOOST_TEST(report.cost <= 2.0);
  BOOST_TEST(report.cost > 1.85);
  BOOST_TEST(report.params < 11000.0);
}

BOOST_AUTO_TEST_CASE(a_network_that_was_slow_once_is_timed_again) {
  CompressorOptions options = with_latency(2.0);
  Compression quiet(options);
  options.budget->milliseconds = [still = options.budget->milliseconds, calls = 0](const Masks& masks) mutable {
    return (++calls % 2 == 0 ? 10.0 : 1.0) * still(masks);
  };
  Compression disturbed(options);
  BOOST_TEST(disturbed.end_cycle(1).params == quiet.end_cycle(1).params);
}

BOOST_AUTO_TEST_CASE(what_no_width_could_meet_is_known_before_training) {
  BOOST_CHECK_EXCEPTION(Compression(with_latency(0.9)).compressor.require_reachable({}), UsageError,
                        fails_with("1 milliseconds are left, more than the budget of 0.9"));
  BOOST_CHECK_EXCEPTION(Compression(with_budget(Criterion::kMagnitude, 9.0)).compressor.require_reachable({}),
                        UsageError, fails_with("more than the budget of 9"));
  BOOST_CHECK_NO_THROW(Compression(with_budget(Criterion::kMagnitude, 900.0)).compressor.require_reachable({}));
}

BOOST_AUTO_TEST_CASE(what_is_pruned_is_zero_and_stays_pruned) {
  Compression compression(with_budget(Criterion::kEvidence, 4000.0, 2));
  compression.end_cycle(1);
  const std::vector<float> first = compression.weights();
  const CycleReport report = compression.end_cycle(2);
  const std::vector<float> second = compression.weights();
  for (std::size_t i = 0; i < first.size(); ++i)
    BOOST_TEST((first[i] != 0.0f || second[i] == 0.0f));
  BOOST_TEST(static_cast<double>(std::ranges::count_if(second, [](float w) { return w != 0.0f; })) <= report.params);
}

BOOST_AUTO_TEST_CASE(tied_groups_go_with_what_writes_and_what_reads_a_neuron) {
  Compression compression(with_budget(Criterion::kMagnitude, 3000.0));
  compression.end_cycle(1);
  const Masks& masks = compression.compressor.masks();
  // fc1.weight [300, 36], fc1.bias, fc2.weight [100, 300]
  int gone = 0;
  for (std::size_t neuron = 0; neuron < 300; ++neuron) {
    const bool has_bias = masks.is_kept(1, neuron);
    gone += !has_bias;
    for (std::size_t out = 0; out < 100; ++out)
      BOOST_TEST((has_bias || !masks.is_kept(2, out * 300 + neuron)));
    for (std::size_t pixel = 0; pixel < 36; ++pixel)
      BOOST_TEST((has_bias || !masks.is_kept(0, neuron * 36 + pixel)));
  }
  BOOST_TEST(gone > 100);
  BOOST_TEST(gone < 300);
}

BOOST_AUTO_TEST_CASE(logits_never_go) {
  Compression compression(with_budget(Criterion::kMagnitude, 2500.0), false);
  compression.end_cycle(1);
  const Masks& masks = compression.compressor.masks();
  BOOST_TEST(masks.kept_entries(4) == 3 * 100);  // fc3.weight: rows of classes are in no group
}

BOOST_AUTO_TEST_CASE(the_best_group_of_a_layer_is_left) {
  Compression compression(with_budget(Criterion::kMagnitude, 900.0));
  const CycleReport report = compression.end_cycle(1);
  for (std::size_t p = 0; p < compression.parameters.size(); ++p)
    BOOST_TEST(compression.compressor.masks().kept_entries(p) > 0);
  BOOST_TEST(report.params <= 900.0);
}

// As if there were a hundred million images: the weights are not trained.
BOOST_AUTO_TEST_CASE(evidence_takes_what_is_weaker_than_its_threshold) {
  Compression all({.rule = Criterion::kEvidence, .prior = {.lambda = 1e-8}});
  Compression strong({.rule = Criterion::kEvidence, .prior = {.lambda = 1e-8}, .nats = 20.0});
  BOOST_TEST(strong.end_cycle(1).params < all.end_cycle(1).params);
}

BOOST_AUTO_TEST_CASE(no_more_groups_go_in_a_cycle_than_may) {
  Compression compression({.rule = Criterion::kEvidence, .nats = 1e12, .most = 0.25});
  const CycleReport report = compression.end_cycle(1);
  BOOST_TEST(report.gone[1] + report.spared == 109);  // of 36 pixels and 400 neurons, all of which are named
}

BOOST_AUTO_TEST_CASE(impossible_requests_are_refused) {
  BOOST_CHECK_EXCEPTION(Compression({.rule = Criterion::kMagnitude}), UsageError, fails_with("no threshold"));
  BOOST_CHECK_EXCEPTION(Compression(with_budget(Criterion::kMagnitude, 9.0)).end_cycle(1), UsageError,
                        fails_with("budget of 9"));
  BOOST_CHECK_EXCEPTION(Compression({.rule = Criterion::kEvidence, .nats = 1e12}).end_cycle(1), UsageError,
                        fails_with("all 436 groups"));
  for (const double most : {0.0, 1.5})
    BOOST_CHECK_EXCEPTION(Compression({.rule = Criterion::kEvidence, .most = most}), UsageError,
                          fails_with(concat("at most ", most, " of the groups")));
  BOOST_CHECK_EXCEPTION(Compression({.rule = Criterion::kEvidence, .nats = -1.0}), UsageError, fails_with("-1 nats"));
}

BOOST_AUTO_TEST_CASE(its_state_brings_masks_and_prior_back) {
  Compression once(with_budget(Criterion::kPublished, 2000.0, 2)), again(with_budget(Criterion::kPublished, 2000.0, 2));
  once.end_cycle(1);
  for (std::size_t p = 0; p < once.parameters.size(); ++p)
    again.parameters[p]->value = once.parameters[p]->value.clone();
  again.compressor.load(once.compressor.state());
  once.end_cycle(2);
  again.end_cycle(2);
  BOOST_TEST(once.weights() == again.weights(), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
