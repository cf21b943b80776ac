// Steps that are recorded once and run many times.
#include "engine/math.h"
#include "engine/tensor.h"
#include "tests/cuda/device.h"

namespace ockham {
namespace {

Tensor on_device(std::initializer_list<float> values) {
  return Tensor::from<float>(values, {static_cast<std::int64_t>(values.size())}).to(test::kCuda);
}

std::vector<float> values_of(const Tensor& t) {
  const Tensor here = t.to(Device{});
  return {here.span<float>().begin(), here.span<float>().end()};
}

std::unique_ptr<RecordedStep> record(const std::function<void()>& step) {
  return backend_of(test::kCuda).record(0, step);
}

BOOST_AUTO_TEST_SUITE(recording)

OCKHAM_CUDA_TEST(nothing_runs_while_it_is_recorded_and_all_of_it_whenever_it_is_run) {
  Tensor x = on_device({1, 2, 3});
  const auto step = record([&] { scale(x, 2.0); });
  BOOST_TEST((values_of(x) == std::vector<float>{1, 2, 3}));
  step->run();
  step->run();
  BOOST_TEST((values_of(x) == std::vector<float>{4, 8, 12}));
}

OCKHAM_CUDA_TEST(a_run_reads_what_lies_in_its_memory_now) {
  Tensor x = on_device({1, 2});
  Tensor y;
  const auto step = record([&] {
    y = x.clone();
    axpy(1.0, x, y);
  });
  step->run();
  BOOST_TEST((values_of(y) == std::vector<float>{2, 4}));
  Tensor other = on_device({5, 6});
  copy(other, x);
  step->run();
  BOOST_TEST((values_of(y) == std::vector<float>{10, 12}));
}

OCKHAM_CUDA_TEST(numbers_of_the_host_are_part_of_the_step) {
  Tensor x = on_device({1});
  double factor = 3.0;
  const auto step = record([&] { scale(x, factor); });
  factor = 100.0;
  step->run();
  BOOST_TEST((values_of(x) == std::vector<float>{3}));
}

OCKHAM_CUDA_TEST(independent_launches_of_a_kernel_become_one) {
  std::vector<Tensor> xs;
  for (float i = 0; i < 10; ++i)
    xs.push_back(on_device({i}));
  const auto step = record([&] {
    for (Tensor& x : xs)
      scale(x, 2.0);
    for (Tensor& x : xs)
      axpy(1.0, x, x);
  });
  BOOST_TEST(step->tasks() == 20);
  BOOST_TEST(step->launches() == 2);
  step->run();
  for (std::size_t i = 0; i < xs.size(); ++i)
    BOOST_TEST(values_of(xs[i])[0] == 4.0f * static_cast<float>(i));
}

OCKHAM_CUDA_TEST(memory_of_a_step_serves_nobody_else_until_the_step_is_gone) {
  const auto in_use = [] { return backend_of(test::kCuda).statistics(0).bytes_in_use; };
  const std::size_t before = in_use();
  Tensor y;
  auto step = record([&] {
    const Tensor passing = Tensor::full({1000}, 1.0, DType::kFloat32, test::kCuda);
    y = passing.clone();
  });
  BOOST_TEST(step->bytes() >= 8000u);
  std::vector<Tensor> others;
  for (int i = 0; i < 4; ++i)
    others.push_back(Tensor::full({1000}, 7.0, DType::kFloat32, test::kCuda));
  step->run();
  BOOST_TEST(values_of(y)[999] == 1.0f);
  for (const Tensor& other : others)
    BOOST_TEST(values_of(other)[0] == 7.0f);
  step.reset();
  BOOST_TEST(values_of(y)[0] == 1.0f);  // what outlives the step stays
  y = {};
  others.clear();
  BOOST_TEST(in_use() == before);
}

OCKHAM_CUDA_TEST(a_step_that_waits_for_a_result_or_uploads_is_refused) {
  Tensor x = on_device({1, 2});
  BOOST_CHECK_EXCEPTION(record([&] { (void)sum(x); }), Error, (test::Says{{"waits for results", "recorded"}}));
  BOOST_CHECK_EXCEPTION(record([&] { (void)on_device({1}); }), Error,
                        (test::Says{{"4 bytes", "constant", "recorded"}}));
  BOOST_CHECK_EXCEPTION(record([&] { (void)record([] {}); }), Error, (test::Says{{"recorded already"}}));
  scale(x, 2.0);  // nothing of those stays behind
  BOOST_TEST((values_of(x) == std::vector<float>{2, 4}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
