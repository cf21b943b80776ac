// Training of a network with a prior on its weights: cycles of penalised steps, curvature, update and pruning.
#include <cmath>

#include "engine/math.h"
#include "nas/compression/groups/patterns.h"
#include "nas/compression/prior/step_hooks.h"
#include "nas/compression/ranking/derivatives.h"
#include "nas/compression/ranking/thresholds.h"
#include "nas/models/model.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

constexpr std::int64_t kSize = 6, kPixels = kSize * kSize;

bool is_border(std::int64_t pixel) {
  const std::int64_t row = pixel / kSize, column = pixel % kSize;
  return row == 0 || column == 0 || row == kSize - 1 || column == kSize - 1;
}

/// Three classes, each a template in the middle under noise; the border is black.
Batch images_of(std::uint64_t stream) {
  const FrameSpec frame{.classes = 3, .image_channels = 1, .image_size = kSize};
  Batch batch = test::noise_batch(48, frame, DType::kFloat32, stream);
  float* pixels = batch.images.data<float>();
  for (std::int64_t n = 0; n < 48; ++n) {
    const auto label = static_cast<std::uint64_t>(batch.labels.data<std::int64_t>()[n]);
    const Tensor pattern = test::noise({kPixels}, DType::kFloat32, 4000 + label);
    for (std::int64_t i = 0; i < kPixels; ++i) {
      float& pixel = pixels[n * kPixels + i];
      pixel = is_border(i) ? 0.0f : 0.5f * pixel + pattern.data<float>()[i];
    }
  }
  return batch;
}

struct Pruning {
  Initial initial{.seed = 4};
  std::unique_ptr<Classifier> net =
      make_model({.name = "lenet300", .classes = 3, .image_channels = 1, .image_size = kSize}, initial);
  std::vector<Parameter*> parameters = net->parameters(ParameterKind::kWeight);
  Masks masks{parameters};
  WeightPrior prior{
      parameters,
      {{.family = family_of(Pattern::kRow, parameters)}, {.family = family_of(Pattern::kColumn, parameters)}},
      {.lambda = 2e-3}};
  Trainer trainer{
      *net,
      {.sgd = {.momentum = 0.9, .weight_decay = 1e-4, .nesterov = true}, .hooks = compression_hooks(&prior, masks)}};
  std::uint64_t step = 0;

  void train(int steps) {
    for (int i = 0; i < steps; ++i, ++step)
      trainer.step(images_of(step % 8), 0.05, step);
  }
  void update_and_prune() {
    const Batch batch = images_of(100);
    const auto record = [&](Tape& tape, std::size_t) {
      const Variable logits = net->forward({.tape = &tape, .fuses = false}, batch.images).logits;
      return BatchLoss{softmax_cross_entropy(logits, batch.labels), batch.images.size(0)};
    };
    const WeightDerivatives derivatives = mean_derivatives(parameters, 1, record);
    prior.update(derivatives.hessian, masks);
    for (const FamilyPrior& family : prior.families())
      masks.prune(family.family, redundant_groups(family, prior.options(), masks, derivatives.hessian));
    masks.apply(trainer.optimizer());
  }
  double kept() const { return static_cast<double>(masks.kept_entries()) / static_cast<double>(all()); }
  std::int64_t all() const { return count_elements(parameters); }
  std::vector<bool> zeros() const {
    std::vector<bool> result;
    for (const Parameter* parameter : parameters) {
      for (float w : parameter->value.span<float>())
        result.push_back(w == 0.0f);
    }
    return result;
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(dynamic_pruning)

BOOST_AUTO_TEST_CASE(cycles_of_pruning_take_black_pixels_and_most_weights_and_keep_what_is_learnt) {
  Pruning pruning;
  pruning.train(60);
  pruning.update_and_prune();
  std::int64_t in_the_middle = 0;
  for (std::size_t i = 0; i < 300 * kPixels; ++i) {
    const bool is_kept = pruning.masks.is_kept(0, i);  // of the first layer, [300, 36]
    BOOST_TEST((!is_kept || !is_border(static_cast<std::int64_t>(i) % kPixels)));
    in_the_middle += is_kept;
  }
  BOOST_TEST(in_the_middle > 0);
  double kept = pruning.kept();
  for (int cycle = 0; cycle < 3; ++cycle) {
    pruning.train(60);
    pruning.update_and_prune();
    BOOST_TEST(pruning.kept() <= kept);
    kept = pruning.kept();
  }
  BOOST_TEST_MESSAGE("kept " << kept);
  BOOST_TEST(kept < 0.1);
  const std::vector<bool> zeros = pruning.zeros();
  Trainer fine_tuning(*pruning.net, {.hooks = compression_hooks(nullptr, pruning.masks)});
  for (std::uint64_t step = 0; step < 40; ++step)
    fine_tuning.step(images_of(step % 8), 0.05, step);
  BOOST_TEST(fine_tuning.evaluate(images_of(200)).accuracy() == 1.0);
  const std::vector<bool> later = pruning.zeros();
  for (std::size_t i = 0; i < zeros.size(); ++i) {
    if (zeros[i] && !later[i])
      BOOST_ERROR("entry " << i << " came back");
  }
}

BOOST_AUTO_TEST_CASE(hooks_run_before_and_after_each_update_that_is_made_whole_or_in_parts) {
  for (std::int64_t micro_batch : {0, 16}) {
    Initial initial{.seed = 4};
    const auto net = make_model({.name = "lenet300", .classes = 3, .image_channels = 1, .image_size = kSize}, initial);
    Parameter& bias = test::parameter_named(*net, "fc3.bias");
    std::vector<std::string> seen;
    double rate = 0.0;
    Tensor before = bias.value.clone();
    const auto is_moved = [&] { return !test::has_equal_bits(bias.value, before); };
    Trainer trainer(*net,
                    {.micro_batch = micro_batch,
                     .hooks = {.before_update = [&] { seen.push_back(bias.grad && !is_moved() ? "before" : "wrong"); },
                               .after_update =
                                   [&](double lr) {
                                     rate = lr;
                                     seen.push_back(is_moved() ? "after" : "wrong");
                                   }}});
    trainer.step(images_of(0), 0.05, 0);
    BOOST_TEST(seen == (std::vector<std::string>{"before", "after"}), boost::test_tools::per_element());
    BOOST_TEST(rate == 0.05);
    fill(bias.value, HUGE_VAL);
    BOOST_CHECK_THROW(trainer.step(images_of(0), 0.05, 1), DivergedError);
    BOOST_TEST(std::ranges::count(seen, "after") == 1);
  }
}

BOOST_AUTO_TEST_CASE(proximal_steps_of_training_reach_exact_zeros_and_are_refused_for_two_patterns) {
  Pruning pruning;
  BOOST_CHECK_THROW(compression_hooks(&pruning.prior, pruning.masks, PenaltyStep::kProximal), UsageError);
  const WeightPrior columns(pruning.parameters, {{.family = family_of(Pattern::kColumn, pruning.parameters)}},
                            {.lambda = 1.0});
  Trainer trainer(*pruning.net, {.hooks = compression_hooks(&columns, pruning.masks, PenaltyStep::kProximal)});
  for (std::uint64_t step = 0; step < 20; ++step)
    trainer.step(images_of(step % 8), 0.05, step);
  const std::vector<bool> zeros = pruning.zeros();
  BOOST_TEST(std::ranges::count(zeros, true) > 300);
  BOOST_TEST(std::ranges::count(zeros, false) > 300);
}

BOOST_AUTO_TEST_SUITE_END()
