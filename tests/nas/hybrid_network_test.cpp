#include "nas/spaces/hybrid/hybrid_network.h"

#include "engine/error.h"
#include "nas/methods/pgnas/pgnas.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using test::has_equal_bits;
using test::noise;
using test::relative_gap;

namespace {

constexpr HybridSpec kSmall{.stem = 3, .width = 4, .blocks_per_stage = 2, .classes = 4};

struct Small {
  explicit Small(const HybridSpec& spec = kSmall) : network(spec, initial) { test::shake(network); }
  Variable logits(const Context& context = {}) { return network.forward(context, images); }

  Initial initial{.seed = 2, .dtype = DType::kFloat64};
  HybridNetwork network;
  Tensor images = noise({3, 3, 8, 8}, DType::kFloat64, 1);
};

/// Multiplies the input slices of every kernel by its gates.
void drop_slices(std::span<const GatedGroup> groups) {
  for (const GatedGroup& group : groups) {
    Tensor& kernel = group.kernels[0]->value;
    const std::int64_t area = kernel.size(2) * kernel.size(3), C = kernel.size(1);
    for (std::int64_t i = 0; i < kernel.numel(); ++i)
      kernel.data<double>()[i] *= (*group.keep)[static_cast<std::size_t>(i / area % C)];
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(hybrid_network)

BOOST_AUTO_TEST_CASE(supnet_m_has_the_published_size) {
  Initial initial;
  HybridNetwork network({.width = 96, .blocks_per_stage = 4}, initial);
  const double millions = static_cast<double>(count_elements(network.parameters(ParameterKind::kWeight))) / 1e6;
  BOOST_TEST(std::abs(millions - 26.2) <= 0.05);  // published to one digit
  BOOST_TEST(network.groups().size() == 3 * 4 * 4 + 3 * 2);
}

BOOST_AUTO_TEST_CASE(every_convolution_but_the_first_has_its_gates_and_they_its_inputs) {
  Small small;
  std::vector<const Parameter*> gated;
  for (const GatedGroup& group : small.network.groups()) {
    BOOST_TEST(group.gates() == group.kernels[0]->value.size(1));
    BOOST_TEST(std::abs(group.drop_probability() - 0.1) <= 0.2);  // shaken
    gated.push_back(group.kernels[0]);
  }
  for (const Parameter* weight : small.network.parameters(ParameterKind::kWeight)) {
    if (weight->value.rank() == 4)
      BOOST_TEST(std::ranges::count(gated, weight) == (weight->name.starts_with("stem") ? 0 : 1), weight->name);
  }
  BOOST_TEST(small.network.parameters(ParameterKind::kSwitch).size() == gated.size());
}

BOOST_AUTO_TEST_CASE(a_candidate_is_the_network_with_the_dropped_slices_at_zero) {
  for (const BatchNormMode mode : {BatchNormMode::kRunning, BatchNormMode::kBatch}) {
    for (const bool fuses : {false, true}) {
      Small small;
      const Context context{.batch_norm = mode, .fuses = fuses};
      const Tensor all = small.logits(context).value();
      put_candidate(small.network.groups(), {.seed = 1, .drop_rate = 0.4}, 5);
      const Tensor gated = small.logits(context).value();
      drop_slices(small.network.groups());
      keep_all(small.network.groups());
      BOOST_TEST(relative_gap(gated, small.logits(context).value()) <= 1e-12);
      BOOST_TEST(relative_gap(gated, all) >= 1e-3);
    }
  }
}

BOOST_AUTO_TEST_CASE(fused_and_plain_layers_draw_the_same_gates_in_training) {
  Small fused, plain;
  Context context{.batch_norm = BatchNormMode::kBatch, .is_training = true, .key = {4, Purpose::kDropout, 2}};
  const Tensor one = fused.logits(context).value();
  context.fuses = false;
  BOOST_TEST(relative_gap(one, plain.logits(context).value()) <= 1e-12);
  context.key.step = 3;
  BOOST_TEST(relative_gap(one, plain.logits(context).value()) >= 1e-3);
}

BOOST_AUTO_TEST_CASE(parameters_kept_are_those_not_in_a_dropped_slice) {
  Small small;
  const GatedNetwork network = gated(small.network);
  const std::int64_t all = count_elements(small.network.parameters(ParameterKind::kWeight));
  BOOST_TEST(kept_parameters(network) == all);
  put_candidate(network.groups, {.drop_rate = 0.5}, 0);
  const std::int64_t kept = kept_parameters(network);
  drop_slices(network.groups);
  std::int64_t zeros = 0;
  for (const GatedGroup& group : network.groups)
    zeros += std::ranges::count(group.kernels[0]->value.span<double>(), 0.0);
  BOOST_TEST(zeros > 0);
  BOOST_TEST(kept == all - zeros);
}

BOOST_AUTO_TEST_CASE(expected_parameters_are_the_mean_over_candidates) {
  Small small;
  const GatedNetwork network = gated(small.network);
  constexpr int kDraws = 2000;
  double mean = 0.0;
  for (std::uint64_t number = 0; number < kDraws; ++number) {
    put_candidate(network.groups, {}, number);
    mean += static_cast<double>(kept_parameters(network)) / kDraws;
  }
  BOOST_TEST(std::abs(mean / expected_parameters(network) - 1.0) <= 0.005);
}

BOOST_AUTO_TEST_CASE(refuses_sizes_that_are_not_positive_and_probabilities_that_are_none) {
  Initial initial;
  BOOST_CHECK_EXCEPTION(HybridNetwork({.branches = 0}, initial), UsageError, (test::Says{{"0 branches"}}));
  BOOST_CHECK_EXCEPTION(HybridNetwork({.gates = {.drop = 0.0}}, initial), UsageError,
                        (test::Says{{"drop probability of 0"}}));
}

BOOST_AUTO_TEST_SUITE_END()
