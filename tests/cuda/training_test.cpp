// Searches and trainings on a device beside the same ones on the CPU.
#include <map>
#include <string>

#include "engine/device_memory.h"
#include "nas/catalog/catalog.h"
#include "nas/layers/whitening.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/darts/darts.h"
#include "nas/methods/pgnas/pgnas_search.h"
#include "nas/models/model.h"
#include "nas/train/averaged_weights.h"
#include "nas/train/repeated_step.h"
#include "nas/train/trainer.h"
#include "tests/cuda/device.h"
#include "tests/nas/networks.h"

namespace ockham {
namespace {

using State = std::map<std::string, Tensor>;

constexpr std::int64_t kImages = 4;

std::unique_ptr<nas::SearchSpace> small(const char* space) {
  return nas::find_space(space).settings()->make(
      {.channels = 2, .cells = 3, .classes = 3, .image_channels = 3, .image_size = 8});
}

nas::Batch batch_of(std::uint64_t stream, DType dtype, Device device) {
  return test::noise_batch(kImages, {.classes = 3, .image_channels = 3, .image_size = 8}, dtype, stream).to(device);
}

State on_host(const State& state) {
  State result;
  for (const auto& [name, tensor] : state)
    result.emplace(name, tensor.to(Device{}).clone());
  return result;
}

bool have_equal_bits(const State& a, const State& b) {
  return a.size() == b.size() && std::ranges::all_of(a, [&](const auto& entry) {
           return test::has_equal_bits(entry.second, b.at(entry.first));
         });
}

/// The largest difference over the largest entry, over all tensors of float type.
double worst_gap(const State& found, const State& expected) {
  double worst = 0.0;
  for (const auto& [name, tensor] : expected) {
    if (is_compute_type(tensor.dtype()) && max_abs(tensor) > 1e-6)
      worst = std::max(worst, test::relative_gap(found.at(name), tensor));
  }
  return worst;
}

/// The steps [first, last) of a first-order DARTS search that begins with `state`, or anew. @param losses what they
/// were
State darts(DType dtype, Device device, std::uint64_t first, std::uint64_t last, const State& state = {},
            std::vector<double>* losses = nullptr) {
  const auto space = small("darts");
  nas::Darts method(*space, {.relaxed = {.seed = 1, .dtype = dtype, .device = device}});
  if (!state.empty())
    method.load(state);
  for (std::uint64_t step = first; step < last; ++step) {
    const nas::Score score =
        method.step(batch_of(2 * step, dtype, device), batch_of(2 * step + 1, dtype, device),
                    {.number = step, .total = 20, .lr = 0.01 - 0.0004 * static_cast<double>(step)});
    if (losses != nullptr)
      losses->push_back(score.mean_loss());
  }
  return on_host(method.state());
}

/// Steps of A and B of BayesNAS.
State bayesnas(Device device, std::uint64_t steps) {
  const auto space = small("bayesnas");
  nas::BayesNas method(*space, {.seed = 1, .dtype = DType::kFloat64, .device = device}, {});
  for (std::uint64_t step = 0; step < steps; ++step) {
    const nas::Batch batch = batch_of(step, DType::kFloat64, device);
    const nas::StepPlace place{.number = step, .total = steps, .lr = 0.05};
    step < steps / 2 ? method.weight_step(batch, place) : method.joint_step(batch, place);
  }
  return on_host(method.state());
}

/// The steps [first, last) of PGNAS that begin with `state`, or anew; gates learn from the divergence as well.
State pgnas(DType dtype, Device device, std::uint64_t first, std::uint64_t last, const State& state = {}) {
  const auto space = nas::find_space("nasbench201")
                         .settings()
                         ->make({.channels = 2, .cells = 1, .classes = 3, .image_channels = 3, .image_size = 8});
  nas::PgnasSearch method(
      *space, {.pgnas = {.prior = {.precision = 2.0, .examples = 10.0}, .seed = 1}, .dtype = dtype, .device = device},
      {});
  if (!state.empty())
    method.load(state);
  for (std::uint64_t step = first; step < last; ++step)
    method.step(batch_of(step, dtype, device), {},
                {.number = step, .total = 20, .lr = 0.05 - 0.002 * static_cast<double>(step)});
  return on_host(method.state());
}

/// While it lives, every step launches its pieces one by one.
struct Eager {
  Eager() { nas::set_step_recording(false); }
  ~Eager() { nas::set_step_recording(true); }
};

BOOST_AUTO_TEST_SUITE(training)

OCKHAM_CUDA_TEST(twenty_steps_of_darts_end_where_those_of_the_cpu_do_in_float64) {
  BOOST_TEST(worst_gap(darts(DType::kFloat64, test::kCuda, 0, 20), darts(DType::kFloat64, {}, 0, 20)) < 1e-10);
}

// Single entries drift apart faster: a maximum that rounding decides sends its gradient elsewhere.
OCKHAM_CUDA_TEST(twenty_steps_of_darts_have_the_losses_of_those_of_the_cpu_in_float32) {
  std::vector<double> here, there;
  darts(DType::kFloat32, {}, 0, 20, {}, &here);
  darts(DType::kFloat32, test::kCuda, 0, 20, {}, &there);
  BOOST_TEST(there == here, boost::test_tools::tolerance(1e-4) << boost::test_tools::per_element());
}

OCKHAM_CUDA_TEST(recorded_steps_have_the_bits_of_eager_ones) {
  const State recorded = darts(DType::kFloat32, test::kCuda, 0, 8);
  const Eager eager;
  BOOST_TEST(have_equal_bits(recorded, darts(DType::kFloat32, test::kCuda, 0, 8)));
}

OCKHAM_CUDA_TEST(pgnas_moves_weights_and_gates_as_on_the_cpu) {
  BOOST_TEST(worst_gap(pgnas(DType::kFloat64, test::kCuda, 0, 6), pgnas(DType::kFloat64, {}, 0, 6)) < 1e-9);
}

OCKHAM_CUDA_TEST(recorded_steps_of_pgnas_have_the_bits_of_eager_ones_and_after_a_halt) {
  const test::Told told;
  const State recorded = pgnas(DType::kFloat32, test::kCuda, 0, 7);
  BOOST_TEST(told.has("recorded a step of 4 images"), told.text());
  const State halted = pgnas(DType::kFloat32, test::kCuda, 3, 7, pgnas(DType::kFloat32, test::kCuda, 0, 3));
  const Eager eager;
  const State expected = pgnas(DType::kFloat32, test::kCuda, 0, 7);
  BOOST_TEST(have_equal_bits(recorded, expected));
  BOOST_TEST(have_equal_bits(halted, expected));
}

OCKHAM_CUDA_TEST(a_search_goes_on_on_another_device_from_its_state) {
  const State whole = darts(DType::kFloat64, {}, 0, 6);
  const State half_there = darts(DType::kFloat64, test::kCuda, 0, 3);
  BOOST_TEST(worst_gap(darts(DType::kFloat64, {}, 3, 6, half_there), whole) < 1e-10);
  const State half_here = darts(DType::kFloat64, {}, 0, 3);
  BOOST_TEST(worst_gap(darts(DType::kFloat64, test::kCuda, 3, 6, half_here), whole) < 1e-10);
}

OCKHAM_CUDA_TEST(bayesnas_moves_weights_switches_and_running_statistics_as_on_the_cpu) {
  BOOST_TEST(worst_gap(bayesnas(test::kCuda, 8), bayesnas({}, 8)) < 1e-9);
}

OCKHAM_CUDA_TEST(a_found_network_trains_as_on_the_cpu) {
  const auto trained = [](Device device) {
    Initial initial{.seed = 2, .dtype = DType::kFloat64, .device = device};
    nas::EvaluationNetwork net(nas::load_genotype("DARTS_V2"), test::tiny_evaluation(), initial);
    nas::Trainer trainer(net, {});
    for (std::uint64_t step = 0; step < 10; ++step) {
      net.set_drop_probability(step < 4 ? 0.0 : 0.02 * static_cast<double>(step));
      trainer.step(batch_of(step, DType::kFloat64, device), 0.05, step);
    }
    State state;
    nas::add_network("", net, state);
    const nas::Score score = trainer.evaluate(batch_of(9, DType::kFloat64, device));
    state.emplace("score", Tensor::from<double>({score.loss, double(score.top1), double(score.top5)}, {3}));
    return on_host(state);
  };
  BOOST_TEST(worst_gap(trained(test::kCuda), trained({})) < 1e-10);
}

OCKHAM_CUDA_TEST(a_model_with_whitening_and_averaged_weights_trains_as_on_the_cpu) {
  const nas::ModelSpec spec{.name = "speed",
                            .classes = 3,
                            .image_size = 9,
                            .width = 2,
                            .activation = nas::Activation::kGelu,
                            .scales_norms = false,
                            .whitens = true};
  const auto batch = [&](std::uint64_t step, Device device) {
    return test::noise_batch(kImages, {.classes = 3, .image_channels = 3, .image_size = 9}, DType::kFloat64, step)
        .to(device);
  };
  const auto trained = [&](Device device) {
    Initial initial{.seed = 2, .dtype = DType::kFloat64, .device = device};
    const std::unique_ptr<nas::Classifier> net = nas::make_model(spec, initial);
    net->whitening()->fit(batch(20, device).images);
    nas::Trainer trainer(*net,
                         {.sgd = {.momentum = 0.85, .nesterov = true, .bias_rate = 64.0}, .label_smoothing = 0.2});
    nas::AveragedWeights averages(*net, 0.9);
    for (std::uint64_t step = 0; step < 8; ++step) {
      trainer.step(batch(step, device), 0.002, step);
      averages.update(step);
    }
    const nas::UseOfAverage use(&averages);
    State state;
    nas::add_network("", *net, state);
    const nas::Score score = trainer.evaluate(batch(9, device), nas::TestViews::kTranslated);
    state.emplace("score", Tensor::from<double>({score.loss, double(score.top1), double(score.top5)}, {3}));
    return on_host(state);
  };
  BOOST_TEST(worst_gap(trained(test::kCuda), trained({})) < 1e-10);
}

OCKHAM_CUDA_TEST(what_is_never_recorded_is_said) {
  const auto space = small("darts");
  const test::Told told;
  const nas::Darts method(*space, {.relaxed = {.device = test::kCuda}, .is_second_order = true});
  BOOST_TEST(told.has("architecture steps of second order are not recorded"), told.text());
}

OCKHAM_CUDA_TEST(memory_does_not_grow_after_the_second_step) {
  const auto space = small("darts");
  nas::Darts method(*space, {.relaxed = {.device = test::kCuda}});
  const Eager eager;
  std::vector<std::size_t> in_use;
  for (std::uint64_t step = 0; step < 5; ++step) {
    method.step(batch_of(2 * step, DType::kFloat32, test::kCuda), batch_of(2 * step + 1, DType::kFloat32, test::kCuda),
                {.number = step, .total = 5});
    in_use.push_back(memory_statistics(test::kCuda).bytes_in_use);
  }
  BOOST_TEST(in_use[2] == in_use[1]);
  BOOST_TEST(in_use[4] == in_use[1]);
}

OCKHAM_CUDA_TEST(a_loss_that_is_not_finite_leaves_the_weights_recorded_or_not) {
  for (const std::uint64_t good_steps : {1, 5}) {
    const auto space = small("darts");
    nas::Darts method(*space, {.relaxed = {.device = test::kCuda}});
    const auto batch = [](std::uint64_t stream) { return batch_of(stream, DType::kFloat32, test::kCuda); };
    for (std::uint64_t step = 0; step < good_steps; ++step)
      method.step(batch(2 * step), batch(2 * step + 1), {.number = step, .total = 9});
    const State before = on_host(method.state());
    nas::Batch broken = batch(100);
    fill(broken.images, std::numeric_limits<double>::infinity());
    BOOST_CHECK_EXCEPTION(method.step(broken, broken, {.number = 77, .total = 99}), DivergedError,
                          (test::Says{{"the loss", "step 77", "--lr"}}));
    State after = on_host(method.state());
    for (const char* name : {"optim.architecture.steps"})
      after[name] = before.at(name);  // counted when the step was prepared
    BOOST_TEST(have_equal_bits(before, after));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
