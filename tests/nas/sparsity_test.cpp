// labels: slow
// Statistical: how many operations survive a search, over lambda.
#include "tests/nas/bayesnas_search.h"
#include "tests/support.h"

using namespace ockham;
using namespace ockham::nas;

namespace {

/// Images of a class: its template, drawn once, under noise.
Batch class_batch(const FrameSpec& frame, std::uint64_t seed, std::uint64_t step) {
  constexpr std::int64_t kCount = 16;
  Batch batch = test::noise_batch(kCount, frame, DType::kFloat32, 1000 * seed + step);
  const std::int64_t size = batch.images.numel() / kCount;
  for (std::int64_t n = 0; n < kCount; ++n) {
    const auto label = static_cast<std::uint64_t>(batch.labels.data<std::int64_t>()[n]);
    const Tensor pattern = test::noise({size}, DType::kFloat32, (seed << 32) + label);
    Tensor image = batch.images.slice(0, n, n + 1).reshape({size});
    axpy(1.0, pattern, image);
  }
  return batch;
}

/// One search of a warm-up, one round and one pruning; 0 where no cell is left of it. In so few steps all variances of
/// a cell lie close together, so that a lambda near the threshold keeps many or none, as rounding has it.
int surviving_operations(std::uint64_t seed, double lambda) {
  const SupernetSpec spec = test::tiny(SupernetSpec::bayesnas(2));
  // No momentum: in so few steps it would carry switches past zero and back, the further the larger lambda is.
  test::BayesNasSearch search(spec, {.switch_sgd = {.momentum = 0.0},
                                     .switch_lr = 0.2,
                                     .posterior = {.lambda_child = lambda, .lambda_origin = lambda},
                                     .seed = seed});
  BayesNas& method = search.method;
  std::uint64_t step = 0;
  for (; step < 10; ++step)
    method.weight_step(class_batch(spec.frame, seed, step), {.number = step, .lr = 0.05});
  for (; step < 70; ++step)
    method.joint_step(class_batch(spec.frame, seed, step), {.number = step, .lr = 0.05});
  method.measure_curvature(class_batch(spec.frame, seed, step));
  try {
    method.update_and_prune(1);
    const Genotype genotype = load_genotype(method.derive());
    return count_ops(genotype.normal) + count_ops(genotype.reduce);
  } catch (const UsageError&) {  // so large a lambda that a cell is left without nodes, which is refused
    return 0;
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(sparsity)

BOOST_AUTO_TEST_CASE(a_larger_lambda_keeps_no_more_operations_but_for_one_seed_in_five) {
  int violations = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const int weak = surviving_operations(seed, 0.05);
    const int middle = surviving_operations(seed, 0.1);
    const int strong = surviving_operations(seed, 0.15);
    BOOST_TEST_MESSAGE("seed " << seed << ": " << weak << ", " << middle << ", " << strong << " of 56 operations");
    violations += middle > weak || strong > middle;
    BOOST_TEST(strong < 56);
    BOOST_TEST(weak > 0);
  }
  BOOST_TEST(violations <= 1);
}

BOOST_AUTO_TEST_SUITE_END()
