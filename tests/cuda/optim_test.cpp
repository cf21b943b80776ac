// Optimisers on a device: the same steps as on the CPU, without a wait for the host.
#include <cmath>
#include <limits>

#include "autograd/optim/adam.h"
#include "autograd/optim/sgd.h"
#include "engine/math.h"
#include "engine/random.h"
#include "tests/cuda/device.h"

namespace ockham {
namespace {

const std::vector<std::int64_t> kFew{1, 9, 300, 10'000};

/// More pieces than one launch of any kernel takes, or one block adds up at a time.
const std::vector<std::int64_t> kMany(2050, 2);

/// Parameters of sizes from one element to several pieces, with gradients; one has none.
struct Parameters {
  Parameters(DType dtype, Device device, const std::vector<std::int64_t>& sizes = kFew) {
    std::uint64_t stream = 0;
    for (const std::int64_t n : sizes) {
      Parameter& parameter = owned.emplace_back(Parameter{.name = concat("p", n), .value = noise(n, dtype, stream++)});
      parameter.grad = noise(n, dtype, stream++).to(device);
      parameter.value = parameter.value.to(device);
      parameter.kind = n == 9 ? ParameterKind::kSwitch : ParameterKind::kWeight;
    }
    owned.push_back({.name = "idle", .value = noise(5, dtype, stream).to(device)});
    for (Parameter& parameter : owned)
      all.push_back(&parameter);
  }
  static Tensor noise(std::int64_t n, DType dtype, std::uint64_t stream) {
    Tensor t({n}, dtype);
    fill_normal(t, {.seed = 3, .purpose = Purpose::kTest, .step = stream});
    return t;
  }
  std::vector<double> numbers() const {
    std::vector<double> result;
    for (const Parameter& parameter : owned) {
      const Tensor here = parameter.value.to(Device{}).to(DType::kFloat64);
      result.insert(result.end(), here.span<double>().begin(), here.span<double>().end());
    }
    return result;
  }

  std::vector<Parameter> owned{};
  std::vector<Parameter*> all{};
};

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  double gap = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    gap = std::max(gap, std::abs(a[i] - b[i]));
  return gap;
}

template <class MakeOptimizer>
void check_like_cpu(MakeOptimizer make, const std::vector<std::int64_t>& sizes = kFew) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    Parameters here(dtype, {}, sizes), there(dtype, test::kCuda, sizes);
    auto on_cpu = make(here.all), on_device = make(there.all);
    const std::vector<double> before = here.numbers();
    for (const double lr : {0.1, 0.05, 0.05}) {
      on_cpu.step(lr);
      on_device.step(lr);
    }
    BOOST_TEST(largest_gap(here.numbers(), before) > 0.01);
    BOOST_TEST(largest_gap(here.numbers(), there.numbers()) < (dtype == DType::kFloat32 ? 1e-5 : 1e-13));
  }
}

Sgd make_sgd(const std::vector<Parameter*>& parameters) {
  return Sgd(parameters, {.momentum = 0.9, .weight_decay = 0.1, .nesterov = true});
}

Adam make_adam(const std::vector<Parameter*>& parameters) {
  return Adam(parameters, {.weight_decay = 0.1});
}

BOOST_AUTO_TEST_SUITE(optim)

OCKHAM_CUDA_TEST(sgd_steps_as_on_the_cpu) {
  check_like_cpu(make_sgd);
  check_like_cpu([](const std::vector<Parameter*>& parameters) { return Sgd(parameters, {.momentum = 0.9}); });
  check_like_cpu([](const std::vector<Parameter*>& parameters) {
    parameters[1]->name = "norm.bias";
    return Sgd(parameters, {.momentum = 0.9, .bias_rate = 4.0});
  });
}

OCKHAM_CUDA_TEST(adam_steps_as_on_the_cpu) {
  check_like_cpu(make_adam);
}

/// @return the norm before
double check_clipped_like_cpu(DType dtype, const std::vector<std::int64_t>& sizes, double limit) {
  Parameters here(dtype, {}, sizes), there(dtype, test::kCuda, sizes);
  const double norm = clip_gradients(here.all, limit);
  BOOST_TEST(clip_gradients(there.all, limit) == norm, boost::test_tools::tolerance(1e-12));
  double gap = 0.0;
  for (std::size_t p = 0; p + 1 < here.all.size(); ++p) {
    Tensor difference = there.all[p]->grad.to(Device{});
    axpy(-1.0, here.all[p]->grad, difference);
    gap = std::max(gap, max_abs(difference));
  }
  BOOST_TEST(gap < (dtype == DType::kFloat32 ? 1e-6 : 1e-12));
  BOOST_TEST(clip_gradients(there.all, 0.0) == std::min(norm, limit), boost::test_tools::tolerance(1e-6));
  return norm;
}

OCKHAM_CUDA_TEST(gradients_are_clipped_as_on_the_cpu) {
  for (const DType dtype : {DType::kFloat32, DType::kFloat64}) {
    for (const double limit : {0.5, 5.0, 1e6})
      BOOST_TEST(check_clipped_like_cpu(dtype, kFew, limit) > 5.0);
  }
}

OCKHAM_CUDA_TEST(parameters_that_take_several_launches_are_clipped_and_moved_as_on_the_cpu) {
  check_clipped_like_cpu(DType::kFloat32, kMany, 5.0);
  check_like_cpu(make_adam, kMany);
}

OCKHAM_CUDA_TEST(a_norm_that_is_not_finite_stays_on_the_device_and_holds_the_update_back) {
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    Parameters there(DType::kFloat32, test::kCuda);
    Sgd sgd = make_sgd(there.all);
    Adam adam = make_adam(there.all);
    fill(there.all[1]->grad, bad);
    const std::vector<double> before = there.numbers();
    const Tensor norm = clipped_norm(there.all, 5.0);
    BOOST_TEST((norm.device() == test::kCuda));
    sgd.prepare(0.1);
    sgd.apply(norm);
    adam.prepare(0.1);
    adam.apply(norm);
    BOOST_TEST((there.numbers() == before));
    BOOST_TEST(!std::isfinite(norm.item()));
  }
}

OCKHAM_CUDA_TEST(a_recorded_update_follows_the_learning_rate_and_the_number_of_the_step) {
  Parameters eager(DType::kFloat32, test::kCuda), recorded(DType::kFloat32, test::kCuda);
  Adam by_hand = make_adam(eager.all), again = make_adam(recorded.all);
  const auto step = backend_of(test::kCuda).record(0, [&] { again.apply(clipped_norm(recorded.all, 3.0)); });
  for (const double lr : {0.1, 0.03, 0.02}) {
    by_hand.prepare(lr);
    by_hand.apply(clipped_norm(eager.all, 3.0));
    again.prepare(lr);
    step->run();
  }
  BOOST_TEST((eager.numbers() == recorded.numbers()));
}

OCKHAM_CUDA_TEST(state_goes_on_on_another_device) {
  Parameters here(DType::kFloat64, {}), there(DType::kFloat64, test::kCuda);
  Adam first = make_adam(here.all);
  first.step(0.1);
  Adam second = make_adam(there.all);
  second.load(first.state());
  for (std::size_t p = 0; p < here.all.size(); ++p)
    there.all[p]->value = here.all[p]->value.to(test::kCuda);
  first.step(0.1);
  second.step(0.1);
  BOOST_TEST(largest_gap(here.numbers(), there.numbers()) < 1e-13);
  for (const auto& [name, tensor] : second.state())
    BOOST_TEST((tensor.device() == test::kCuda || name == "steps"));
  Adam third = make_adam(here.all);
  third.load(second.state());
  BOOST_TEST((third.state().at("exp_avg.p300").device() == Device{}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
