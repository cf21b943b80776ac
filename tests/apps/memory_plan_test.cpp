// The memory plan against what the allocator measures, and the micro-batch that a limit allows.
// labels: slow
#include "apps/runs/memory_plan.h"

#include "nas/train/trainer.h"
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

constexpr std::size_t kMega = 1 << 20;
constexpr std::int64_t kImages = 48;

/// Holds `fixed` bytes for weights and `each` per image for activations.
PassPlan plan_of(std::string name, std::size_t fixed, std::size_t each) {
  return PassPlan(std::move(name), [=](std::int64_t images) {
    const auto take = [](MemoryClass memory_class, std::size_t bytes) {
      const MemoryScope scope(memory_class);
      return Tensor({static_cast<std::int64_t>(bytes / sizeof(float))}, DType::kFloat32);
    };
    const Tensor weights = take(MemoryClass::kWeights, fixed);
    const Tensor kept = take(MemoryClass::kActivations, each * static_cast<std::size_t>(images));
  });
}

/// Bytes that the tests themselves hold, which every plan counts as well.
std::size_t held() {
  return CachingAllocator::instance().statistics().bytes_in_use;
}

/// Peak of the second of two runs, the first of which takes the memory.
std::size_t measured_peak(const std::function<void()>& run) {
  CachingAllocator& memory = CachingAllocator::instance();
  memory.drop_cache();
  run();
  memory.reset_peak();
  run();
  return memory.statistics().peak_bytes;
}

void check_prediction(const std::function<void(std::int64_t)>& run) {
  PassPlan plan("pass", run);
  const auto predicted = static_cast<double>(plan.peak(kImages));
  const auto measured = static_cast<double>(measured_peak([&] { run(kImages); }));
  BOOST_TEST(predicted == measured, boost::test_tools::tolerance(0.05));
}

nas::SupernetSpec small_supernet() {
  nas::SupernetSpec spec = test::tiny(nas::SupernetSpec::bayesnas(2));
  spec.frame.channels = 16;
  spec.frame.image_size = 32;
  return spec;
}

nas::Batch images_for(const nas::FrameSpec& frame, std::int64_t images) {
  return noise_batch(images, frame.image_channels, frame.image_size, DType::kFloat32);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(memory_plan)

BOOST_AUTO_TEST_CASE(classes_are_told_apart_and_grow_with_the_images_as_they_do) {
  PassPlan plan = plan_of("step", 64 * kMega, 2 * kMega);
  for (std::int64_t images : {1, 8, 100}) {
    const MemoryUse bytes = plan.bytes(images);
    BOOST_TEST(bytes[static_cast<std::size_t>(MemoryClass::kActivations)] ==
               2 * kMega * static_cast<std::size_t>(images));
    BOOST_TEST(plan.peak(images) == held() + 64 * kMega + 2 * kMega * static_cast<std::size_t>(images));
  }
}

BOOST_AUTO_TEST_CASE(plan_of_a_training_step_is_within_5_percent_of_the_measured_peak) {
  nas::EvaluationSpec spec = test::tiny_evaluation(32);
  spec.frame.channels = 16;
  Initial initial;
  nas::EvaluationNetwork network(nas::load_genotype("DARTS_V2"), spec, initial);
  nas::Trainer trainer(network, {});
  check_prediction([&](std::int64_t images) { trainer.step(images_for(spec.frame, images), 1e-6, 0); });
}

BOOST_AUTO_TEST_CASE(plan_of_a_search_step_whole_or_split_is_within_5_percent_of_the_measured_peak) {
  test::BayesNasSearch search(small_supernet(), {.switch_lr = 1e-6});
  check_prediction([&](std::int64_t images) {
    search.method.set_micro_batch(0);
    search.method.joint_step(images_for(search.net.spec().frame, images), {.lr = 1e-6});
  });
  check_prediction([&](std::int64_t images) {
    search.method.set_micro_batch(images);
    search.method.joint_step(images_for(search.net.spec().frame, 2 * images), {.lr = 1e-6});
  });
}

BOOST_AUTO_TEST_CASE(plan_of_a_hessian_pass_is_within_5_percent_of_the_measured_peak) {
  for (const nas::Rule rule : {nas::Rule::kEntropy, nas::Rule::kJointEvidence}) {
    test::BayesNasSearch search(small_supernet(), {.rule = {.rule = rule}, .hessian = {.directions = 2}});
    check_prediction(
        [&](std::int64_t images) { search.method.measure_curvature(images_for(search.net.spec().frame, images)); });
  }
}

BOOST_AUTO_TEST_CASE(micro_batch_is_the_largest_divisor_that_fits_with_something_to_spare) {
  PassPlan whole = plan_of("step", 0, kMega);
  PassPlan split = plan_of("step", 4 * kMega, kMega);  // gradients stay
  const auto limit_for = [&](std::size_t megas) { return (held() + megas * kMega) * 106 / 100 + kMega; };
  const auto fitting = [&](std::size_t megas) { return fitting_micro_batch(limit_for(megas), 12, whole, split, {}); };
  BOOST_TEST(fitting(13) == 12);
  BOOST_TEST(fitting(10) == 6);
  BOOST_TEST(fitting(9) == 4);
  BOOST_TEST(fitting(5) == 1);
  PassPlan other = plan_of("Hessian pass", 0, kMega);
  BOOST_TEST(fitting_micro_batch(limit_for(10), 12, whole, split, {{&other, 10}}) == 6);
}

BOOST_AUTO_TEST_CASE(too_small_a_limit_is_refused_with_the_smallest_that_would_do) {
  PassPlan whole = plan_of("step", 0, 100 * kMega);
  PassPlan split = plan_of("step", 0, 100 * kMega);
  PassPlan other = plan_of("Hessian pass", 0, 100 * kMega);
  const auto smallest = [&](const std::vector<PlannedPass>& others) {
    try {
      fitting_micro_batch(1000, 4, whole, split, others);
    } catch (const UsageError& e) {
      const std::string text = e.what();
      const std::string before = "at least ";
      return static_cast<std::size_t>(std::stoull(text.substr(text.find(before) + before.size())));
    }
    return std::size_t{0};
  };
  const std::size_t alone = smallest({});
  BOOST_TEST(alone >= 105 * kMega);
  BOOST_TEST(fitting_micro_batch(alone, 4, whole, split, {}) == 1);
  BOOST_CHECK_THROW(fitting_micro_batch(alone - 1, 4, whole, split, {}), UsageError);
  BOOST_TEST(smallest({{&other, 3}}) >= 315 * kMega);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
