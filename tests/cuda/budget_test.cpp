// How many launches a recorded step takes: what a DARTS step costs in latency, whatever the device.
#include <regex>

#include "nas/catalog/catalog.h"
#include "nas/methods/darts/darts.h"
#include "tests/cuda/device.h"
#include "tests/nas/networks.h"

namespace ockham {
namespace {

struct Counts {
  int tasks = 0;
  int launches = 0;
};

/// Of the larger of the two steps, of weights and of logits, that a DARTS search on `cells` cells records.
Counts counts_of_darts_steps(int cells) {
  const auto space = nas::find_space("darts").settings()->make(
      {.channels = 4, .cells = cells, .classes = 10, .image_channels = 3, .image_size = 8});
  nas::Darts method(*space, {.relaxed = {.seed = 1, .device = test::kCuda}});
  const test::Told told;
  for (std::uint64_t step = 0; step < 3; ++step) {
    const auto batch = [&](std::uint64_t stream) {
      return test::noise_batch(2, {.classes = 10, .image_channels = 3, .image_size = 8}, DType::kFloat32, stream)
          .to(test::kCuda);
    };
    method.step(batch(2 * step), batch(2 * step + 1), {.number = step, .total = 3});
  }
  BOOST_TEST_MESSAGE(told.text());
  Counts counts;
  const std::regex line("recorded a step of [0-9]+ images: ([0-9]+) tasks in ([0-9]+) launches");
  for (std::sregex_iterator it(told.text().begin(), told.text().end(), line), end; it != end; ++it) {
    if (const int launches = std::stoi((*it)[2]); launches > counts.launches)
      counts = {std::stoi((*it)[1]), launches};
  }
  return counts;
}

BOOST_AUTO_TEST_SUITE(budget)

OCKHAM_CUDA_TEST(a_darts_step_of_eight_cells_takes_at_most_700_launches) {
  const Counts counts = counts_of_darts_steps(8);
  BOOST_TEST_MESSAGE("tasks " << counts.tasks << ", launches " << counts.launches);
  BOOST_TEST(counts.launches > 0);
  BOOST_TEST(counts.launches <= 700);
  BOOST_TEST(counts.tasks > 4 * counts.launches);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
