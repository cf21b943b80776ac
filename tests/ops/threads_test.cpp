// The samples of the automatic checks are too small for more than one chunk of a parallel loop; these are not.
#include <cstring>

#include "engine/parallel.h"
#include "ops/ops.h"
#include "tests/ops/passes.h"
#include "tests/support.h"

using namespace ockham;
using test::noise;

namespace {

constexpr std::int64_t kD = 2;

struct Case {
  const char* name;
  std::vector<Tensor> inputs;
  std::function<Variable(std::span<const Variable>)> build;
};

/// The results of all passes at some number of threads.
std::vector<Tensor> passes(const Case& item, int threads) {
  set_thread_count(threads);
  const test::Recorded run(item.inputs, [&](auto x) { item.build(x); });
  std::vector<Variable> constants(item.inputs.begin(), item.inputs.end());
  const Tensor y = item.build(constants).value();
  std::vector<Tensor> x_dot;
  for (std::size_t i = 0; i < item.inputs.size(); ++i)
    x_dot.push_back(noise(with_directions(item.inputs[i].shape(), kD), 20 + i));
  std::vector<Tensor> results = run.vjp(kD, noise(with_directions(y.shape(), kD), 30));
  results.resize(item.inputs.size());  // the rest belongs to labels and statistics, which have no derivative
  results.push_back(y);
  results.push_back(run.jvp(kD, x_dot));
  const std::vector<double> acc = run.curvature(kD, noise(with_directions(y.shape(), 1), 31), x_dot);
  results.push_back(Tensor::from(acc, {kD}));
  return results;
}

std::vector<Case> large_cases() {
  const Tensor x = noise({12, 6, 20, 20}, 1);
  const Tensor gamma = noise({6}, 2);
  const Tensor mean = Tensor::zeros({6}, DType::kFloat64);
  const Tensor variance = Tensor::full({6}, 1.5, DType::kFloat64);
  const RandomKey key{.seed = 3, .purpose = Purpose::kDropout, .step = 4};
  Tensor labels = Tensor::zeros({2000}, DType::kInt64);
  return {
      {"batch_norm_train", {x, gamma, gamma}, [](auto v) { return batch_norm_train(v[0], v[1], v[2]).y; }},
      {"batch_norm_eval", {x, gamma, gamma}, [=](auto v) { return batch_norm_eval(v[0], v[1], v[2], mean, variance); }},
      {"moments", {x}, [](auto v) { return ockham::moments(v[0]); }},
      {"softmax", {noise({2000, 12}, 5)}, [](auto v) { return ockham::softmax(v[0]); }},
      {"softmax_cross_entropy",
       {noise({2000, 12}, 6)},
       [=](auto v) { return ockham::softmax_cross_entropy(v[0], labels, {.label_smoothing = 0.1}); }},
      {"silu", {x}, [](auto v) { return silu(v[0]); }},
      {"max_pool2d", {x}, [](auto v) { return max_pool2d(v[0], {.kernel = 3, .stride = 1, .pad = 1}); }},
      {"avg_pool2d", {x}, [](auto v) { return avg_pool2d(v[0], {.kernel = 3, .stride = 2, .pad = 1}); }},
      {"global_avg_pool", {x}, [](auto v) { return global_avg_pool(v[0]); }},
      {"dropout", {x}, [=](auto v) { return ockham::dropout(v[0], 0.4, key); }},
  };
}

}  // namespace

BOOST_AUTO_TEST_SUITE(threads)

BOOST_AUTO_TEST_CASE(results_have_the_same_bits_at_one_two_and_three_threads) {
  const int before = thread_count();
  for (const Case& item : large_cases()) {
    const std::vector<Tensor> one = passes(item, 1);
    for (int threads : {2, 3}) {
      const std::vector<Tensor> more = passes(item, threads);
      for (std::size_t i = 0; i < one.size(); ++i) {
        const bool is_equal =
            std::memcmp(one[i].span<double>().data(), more[i].span<double>().data(), one[i].nbytes()) == 0;
        BOOST_TEST(is_equal, item.name << ", result " << i << " at " << threads << " threads");
      }
    }
  }
  set_thread_count(before);
}

BOOST_AUTO_TEST_SUITE_END()
