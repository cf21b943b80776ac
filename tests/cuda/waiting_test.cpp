// What the host does while a device computes.
#include "nas/genotype/genotype.h"
#include "nas/train/trainer.h"
#include "tests/cuda/device.h"
#include "tests/cudaemu/emu.h"
#include "tests/nas/networks.h"

namespace ockham {
namespace {

nas::Batch batch_of(std::uint64_t stream) {
  return test::noise_batch(4, {.classes = 3, .image_channels = 3, .image_size = 8}, DType::kFloat32, stream);
}

BOOST_AUTO_TEST_SUITE(waiting)

// Eager and recorded steps: the third is recorded, and runs as a graph from then on.
OCKHAM_CUDA_TEST(the_next_batch_is_uploaded_after_a_step_was_asked_for_and_before_its_score_is_read) {
  Initial initial{.seed = 2, .device = test::kCuda};
  nas::EvaluationNetwork net(nas::load_genotype("DARTS_V2"), test::tiny_evaluation(), initial);
  nas::Trainer trainer(net, {});
  nas::Batch next = batch_of(0).to(test::kCuda);
  for (std::uint64_t step = 0; step < 5; ++step) {
    const emu::LaunchLog log;
    std::size_t updates = 0, done = 0;
    const nas::Batch batch = next;
    nas::while_waiting([&] {
      updates = log.count("SgdStep");
      next = batch_of(step + 1).to(test::kCuda);
      done = log.names().size();
    });
    trainer.step(batch, 0.05, step);
    BOOST_TEST(updates > 0U);
    BOOST_TEST(log.names().size() == done + 1);  // the score, and nothing else
    BOOST_TEST(log.names().back() == "memcpy");
  }
}

OCKHAM_CUDA_TEST(work_for_a_wait_is_done_once) {
  Initial initial{.seed = 2, .device = test::kCuda};
  nas::EvaluationNetwork net(nas::load_genotype("DARTS_V2"), test::tiny_evaluation(), initial);
  nas::Trainer trainer(net, {});
  int times = 0;
  nas::while_waiting([&] { ++times; });
  for (std::uint64_t step = 0; step < 2; ++step)
    trainer.step(batch_of(step).to(test::kCuda), 0.05, step);
  BOOST_TEST(times == 1);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
