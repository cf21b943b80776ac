// Training steps of a found network.
#include "nas/train/trainer.h"

#include <cmath>
#include <ranges>

#include "autograd/optim/optimizer.h"
#include "engine/allocator.h"
#include "engine/parallel.h"
#include "ops/softmax/softmax.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;
using ockham::test::has_equal_bits;
using ockham::test::noise_batch;
using ockham::test::values_of;

namespace {

/// A small network under training, with all its regularisation on.
struct Training {
  explicit Training(const TrainerOptions& options = {})
      : initial{.seed = 2}, net(load_genotype("DARTS_V2"), spec(), initial), trainer(net, options) {
    net.set_drop_probability(0.2);
  }
  static EvaluationSpec spec() {
    EvaluationSpec result = test::tiny_evaluation(32);
    result.frame.channels = 1;
    result.has_auxiliary_head = true;
    return result;
  }
  Batch batch(std::uint64_t stream) const { return noise_batch(2, net.frame_spec(), DType::kFloat32, stream); }
  Score step(std::uint64_t step) { return trainer.step(batch(step), 0.05, step); }

  Initial initial;
  EvaluationNetwork net;
  Trainer trainer;
};

/// Options under which a step is w -= lr * gradient.
TrainerOptions plain_descent() {
  return {.sgd = {.momentum = 0.0, .weight_decay = 0.0}, .clip = 0.0};
}

/// d/d logits of the mean cross-entropy to labels smoothed by `smoothing`, summed over images: what the bias of a
/// classifier gets. Per image softmax - (1 - smoothing) one-hot - smoothing / classes.
std::vector<double> bias_gradient(const Tensor& logits, const Tensor& labels, double smoothing) {
  const std::int64_t N = logits.size(0), classes = logits.size(1);
  const Tensor p = softmax(Variable(logits)).value();
  std::vector<double> gradient(static_cast<std::size_t>(classes), 0.0);
  for (std::int64_t n = 0; n < N; ++n) {
    for (std::int64_t k = 0; k < classes; ++k) {
      const double one_hot = labels.data<std::int64_t>()[n] == k ? 1.0 : 0.0;
      const double target = (1.0 - smoothing) * one_hot + smoothing / static_cast<double>(classes);
      gradient[static_cast<std::size_t>(k)] += (test::read(p, n * classes + k) - target) / static_cast<double>(N);
    }
  }
  return gradient;
}

bool have_equal_bits(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  return std::ranges::equal(a, b, has_equal_bits);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(trainer)

BOOST_AUTO_TEST_CASE(a_small_network_learns_its_batch) {
  Initial initial{.seed = 2};
  EvaluationNetwork net(load_genotype("bayesnas_0.01"), test::tiny_evaluation(), initial);
  Trainer trainer(net, {});
  const Batch batch = noise_batch(6, net.frame_spec(), DType::kFloat32);
  const double before = trainer.step(batch, 0.05, 0).mean_loss();
  for (std::uint64_t step = 1; step < 30; ++step)
    trainer.step(batch, 0.05, step);
  const Score after = trainer.step(batch, 0.0, 30);
  BOOST_TEST(after.mean_loss() < 0.1 * before);
  BOOST_TEST(after.accuracy() == 1.0);
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_names_the_step_and_leaves_the_weights) {
  Training training;
  training.step(0);
  const std::vector<Tensor> weights = values_of(training.net.parameters(ParameterKind::kWeight));
  Batch broken = training.batch(1);
  test::write(broken.images, 5, std::numeric_limits<double>::infinity());
  BOOST_CHECK_EXCEPTION(training.trainer.step(broken, 0.05, 77), DivergedError,
                        (test::Says{{"the loss", "nan", "step 77", "--lr"}}));
  BOOST_TEST(have_equal_bits(values_of(training.net.parameters(ParameterKind::kWeight)), weights));
}

BOOST_AUTO_TEST_CASE(a_step_descends_the_smoothed_loss_of_each_classifier_by_its_weight) {
  for (double auxiliary_weight : {0.0, 0.4}) {
    TrainerOptions options = plain_descent();
    options.auxiliary_weight = auxiliary_weight;
    options.label_smoothing = 0.3;
    Training training(options);
    training.net.set_drop_probability(0.0);
    const Batch batch = training.batch(0);
    const ClassifierOutput output =
        training.net.forward({.batch_norm = BatchNormMode::kBatch, .is_training = true}, batch.images);
    const Parameter& main = test::parameter_named(training.net, "classifier.bias");
    const Parameter& auxiliary = test::parameter_named(training.net, "auxiliary_head.classifier.bias");
    const Tensor main_before = main.value.clone(), auxiliary_before = auxiliary.value.clone();
    const Score score = training.trainer.step(batch, 1.0, 0);
    const auto expect = [&](const Parameter& bias, const Tensor& before, const Tensor& logits, double weight) {
      const std::vector<double> gradient = bias_gradient(logits, batch.labels, 0.3);
      BOOST_TEST(std::abs(std::ranges::max(gradient)) > 0.1);
      for (std::size_t k = 0; k < gradient.size(); ++k) {
        const auto i = static_cast<std::int64_t>(k);
        BOOST_TEST(std::abs(test::read(bias.value, i) - test::read(before, i) + weight * gradient[k]) < 1e-6);
      }
    };
    expect(main, main_before, output.logits.value(), 1.0);
    expect(auxiliary, auxiliary_before, output.auxiliary.value(), auxiliary_weight);
    const Variable loss = softmax_cross_entropy(output.logits, batch.labels, {.label_smoothing = 0.3});
    BOOST_TEST(score.mean_loss() == loss.value().item(), boost::test_tools::tolerance(1e-5));
  }
}

BOOST_AUTO_TEST_CASE(a_step_clips_decays_and_keeps_momentum_as_its_options_say) {
  constexpr double kLr = 0.1, kClip = 0.01;
  for (bool nesterov : {false, true}) {
    Training training({.sgd = {.momentum = 0.8, .weight_decay = 0.5, .nesterov = nesterov}, .clip = kClip});
    const std::vector<Parameter*> weights = training.net.parameters(ParameterKind::kWeight);
    const Parameter& one = test::parameter_named(training.net, "classifier.weight");
    double value = test::read(one.value, 3), momentum = 0.0;
    for (std::uint64_t step = 0; step < 2; ++step) {
      training.trainer.step(training.batch(step), kLr, step);
      double square = 0.0;
      for (const Parameter* weight : weights)
        square += dot(weight->grad, weight->grad);
      BOOST_TEST(std::sqrt(square) == kClip, boost::test_tools::tolerance(1e-5));
      const double gradient = test::read(one.grad, 3) + 0.5 * value;
      momentum = 0.8 * momentum + gradient;
      value -= kLr * (nesterov ? gradient + 0.8 * momentum : momentum);
      BOOST_TEST(test::read(one.value, 3) == value, boost::test_tools::tolerance(1e-5));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_step_drops_by_its_seed_and_its_number) {
  const auto bias_after = [](std::uint64_t seed, std::uint64_t number) {
    TrainerOptions options = plain_descent();
    options.seed = seed;
    Training training(options);
    training.trainer.step(training.batch(0), 1.0, number);
    return test::parameter_named(training.net, "classifier.bias").value;
  };
  const Tensor usual = bias_after(1, 1);
  BOOST_TEST(has_equal_bits(usual, bias_after(1, 1)));
  BOOST_TEST(!has_equal_bits(usual, bias_after(1, 2)));
  BOOST_TEST(!has_equal_bits(usual, bias_after(2, 1)));
}

BOOST_AUTO_TEST_CASE(a_step_moves_running_statistics_and_evaluation_reads_them_and_moves_nothing) {
  Training training(plain_descent());
  const auto statistics = [&] { return values_of(training.net.parameters(ParameterKind::kBuffer)); };
  const std::vector<Tensor> before = statistics();
  training.trainer.step(training.batch(0), 0.0, 0);
  const std::vector<Tensor> after = statistics();
  BOOST_TEST(std::ranges::none_of(std::views::iota(std::size_t{0}, before.size()),
                                  [&](std::size_t i) { return has_equal_bits(before[i], after[i]); }));
  const Batch batch = training.batch(1);
  const Score both = training.trainer.evaluate(batch);
  BOOST_TEST(have_equal_bits(statistics(), after));
  Score single = training.trainer.evaluate(part_of(batch, 0, 1));
  single.add(training.trainer.evaluate(part_of(batch, 1, 2)));
  BOOST_TEST(single.loss == both.loss, boost::test_tools::tolerance(1e-5));
}

BOOST_AUTO_TEST_CASE(one_and_two_threads_give_the_same_bits) {
  const auto run = [](int threads) {
    set_thread_count(threads);
    Training training;
    for (std::uint64_t step = 0; step < 2; ++step)
      training.step(step);
    return values_of(training.net.state());
  };
  const int threads = thread_count();
  const std::vector<Tensor> one = run(1);
  const std::vector<Tensor> two = run(2);
  set_thread_count(threads);
  BOOST_TEST(have_equal_bits(one, two));
}

BOOST_AUTO_TEST_CASE(a_restored_run_goes_on_with_the_same_bits) {
  Training whole;
  for (std::uint64_t step = 0; step < 2; ++step)
    whole.step(step);
  Training restored;
  restored.step(9);
  const std::vector<Tensor> saved = values_of(whole.net.state());
  for (std::size_t i = 0; i < saved.size(); ++i)
    restored.net.state()[i]->value = saved[i].clone();
  restored.trainer.optimizer().load(whole.trainer.optimizer().state());
  whole.step(2);
  restored.step(2);
  BOOST_TEST(have_equal_bits(values_of(restored.net.state()), values_of(whole.net.state())));
}

BOOST_AUTO_TEST_CASE(memory_does_not_grow_after_the_second_step) {
  Training training;
  const auto requests = [] { return CachingAllocator::instance().statistics().system_allocations; };
  for (std::uint64_t step = 0; step < 2; ++step)
    training.step(step);
  const std::uint64_t before = requests();
  for (std::uint64_t step = 2; step < 10; ++step)
    training.step(step);
  if (std::getenv("OCKHAM_NO_CACHE") == nullptr)
    BOOST_TEST(requests() == before);
}

BOOST_AUTO_TEST_CASE(a_step_touches_hardly_more_memory_than_it_holds_at_its_peak) {
  CachingAllocator& memory = CachingAllocator::instance();
  Training training;
  memory.drop_cache();
  memory.reset_peak();
  for (std::uint64_t step = 0; step < 3; ++step)
    training.step(step);
  const AllocatorStatistics after = memory.statistics();
  BOOST_TEST(after.bytes_in_use + after.bytes_cached < after.peak_bytes + after.peak_bytes / 8);
}

BOOST_AUTO_TEST_CASE(the_gradients_of_the_step_before_are_gone_at_the_peak) {
  Training training;
  training.step(0);
  const auto peak_of_step = [&](std::uint64_t step) {
    CachingAllocator::instance().reset_peak();
    training.step(step);
    return CachingAllocator::instance().statistics().peak_bytes;
  };
  const std::size_t after_a_step = peak_of_step(1);
  clear_gradients(training.net.parameters(ParameterKind::kWeight));
  BOOST_TEST(after_a_step == peak_of_step(2));
}

BOOST_AUTO_TEST_SUITE_END()
