// Training steps of a found network.
#include "nas/train/trainer.h"

#include "autograd/optim/optimizer.h"
#include "engine/allocator.h"
#include "engine/parallel.h"
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

BOOST_AUTO_TEST_CASE(the_auxiliary_loss_moves_its_head_by_its_weight) {
  Training without({.auxiliary_weight = 0.0});
  Training with({.auxiliary_weight = 0.4});
  const auto moved = [](Training& training) {
    const Parameter& bias = test::parameter_named(training.net, "auxiliary_head.classifier.bias");
    const Tensor before = bias.value.clone();
    training.trainer.step(training.batch(0), 0.05, 0);
    return test::relative_gap(bias.value, before);
  };
  BOOST_TEST(moved(with) > 100.0 * moved(without));  // without: weight decay alone
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
