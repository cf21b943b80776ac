// Dropping and gates on a device: as on the CPU, and in a recorded step those of the numbers that lie there.
#include "engine/math.h"
#include "ops/channel_dropout/channel_dropout.h"
#include "ops/concrete_gate/concrete_gate.h"
#include "ops/drop_path/drop_path.h"
#include "ops/dropout/dropout.h"
#include "tests/cuda/device.h"

namespace ockham {
namespace {

constexpr RandomKey kKey{.seed = 5, .purpose = Purpose::kTest, .step = 3};

Tensor numbers(double step, double p) {
  return Tensor::from({step, p}, {2});
}

std::vector<float> values_of(const Tensor& t) {
  const Tensor here = t.to(Device{});
  return {here.span<float>().begin(), here.span<float>().end()};
}

BOOST_AUTO_TEST_SUITE(drop)

OCKHAM_CUDA_TEST(a_recorded_step_drops_by_the_numbers_that_lie_on_the_device) {
  using Drop = Variable (*)(const Variable&, const DropAttrs&);
  for (const Drop drop : {Drop(dropout), Drop(channel_dropout), Drop(drop_path)}) {
    const Tensor x = Tensor::full({16, 20, 3}, 1.0);
    Tensor moving = numbers(0.0, 0.0).to(test::kCuda);
    const Tensor on_device = x.to(test::kCuda);
    Tensor y;
    const auto step = backend_of(test::kCuda).record(0, [&] {
      y = drop(Variable(on_device), {.key = kKey, .moving = moving, .stride = 100}).value();
    });
    std::vector<std::vector<float>> results;
    for (const double number : {1.0, 2.0, 1e6}) {
      const double p = number == 2.0 ? 0.25 : 0.5;
      copy(numbers(number, p).to(test::kCuda), moving);
      step->run();
      results.push_back(values_of(y));
      RandomKey key = kKey;
      key.step += 100 * static_cast<std::uint64_t>(number);
      BOOST_TEST((results.back() == values_of(drop(Variable(x), {.p = p, .key = key}).value())));
    }
    BOOST_TEST((results[0] != results[1] && results[0] != results[2]));
  }
}

OCKHAM_CUDA_TEST(a_recorded_step_draws_gates_by_the_number_that_lies_on_the_device) {
  const Tensor x = Tensor::full({16, 20, 3}, 1.0), logit = Tensor::full({20}, 0.3);
  const Tensor x_there = x.to(test::kCuda), logit_there = logit.to(test::kCuda);
  Tensor moving = numbers(0.0, 0.0).to(test::kCuda);
  Tensor y;
  const auto step = backend_of(test::kCuda).record(0, [&] {
    y = concrete_gate(x_there, logit_there, {.key = kKey, .moving = moving, .stride = 100}).value();
  });
  std::vector<std::vector<float>> results;
  for (const double number : {1.0, 2.0, 1e6}) {
    copy(numbers(number, 0.0).to(test::kCuda), moving);
    step->run();
    results.push_back(values_of(y));
    RandomKey key = kKey;
    key.step += 100 * static_cast<std::uint64_t>(number);
    BOOST_TEST(results.back() == values_of(concrete_gate(x, logit, {.key = key}).value()),
               boost::test_tools::tolerance(1e-6f) << boost::test_tools::per_element());
  }
  BOOST_TEST((results[0] != results[1] && results[0] != results[2]));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
