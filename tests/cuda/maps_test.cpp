// Ops on maps, in the sizes that decide how threads share them: samples of ops are smaller.
#include <cmath>

#include "autograd/device_passes.h"
#include "autograd/gradcheck/point.h"
#include "autograd/reverse.h"
#include "engine/math.h"
#include "ops/avg_pool2d/avg_pool2d_op.h"
#include "ops/batch_norm/batch_norm_op.h"
#include "ops/batch_norm/running.h"
#include "ops/global_avg_pool/global_avg_pool_op.h"
#include "ops/max_pool2d/max_pool2d_op.h"
#include "ops/mix/mix.h"
#include "ops/mix/mix_op.h"
#include "ops/moments/moments_op.h"
#include "ops/sum/sum.h"
#include "tests/cuda/agreement.h"

namespace ockham {
namespace {

/// Whole segments of a warp, several blocks to a plane, half a warp, a rest, 4 bytes at once, and a matrix.
const std::vector<Shape> kMaps = {{2, 3, 32, 32}, {1, 2, 40, 40}, {5, 3, 8, 8}, {2, 3, 14, 14},
                                  {3, 2, 7, 7},   {2, 1, 37, 31}, {9, 40}};

void check(const Shape& map, std::function<std::unique_ptr<Op>()> make, std::vector<InputDraw> inputs,
           std::vector<std::size_t> diagonal_inputs = {}) {
  const OpSample sample{.name = concat("map ", map),
                        .make = std::move(make),
                        .inputs = std::move(inputs),
                        .reference = {},
                        .diagonal_inputs = std::move(diagonal_inputs)};
  for (CheckFormat format : {CheckFormat::kFloat64, CheckFormat::kFloat32, CheckFormat::kBFloat16})
    test::check_agreement(sample, format, sample.make()->name());
}

BOOST_AUTO_TEST_SUITE(maps)

OCKHAM_CUDA_TEST(a_node_sum_agrees_in_every_size) {
  const std::vector<std::int64_t> index{0, 2, 1, 2, 0};
  const std::vector<bool> has_affine{true, false, true, true, false};
  for (const Shape& map : kMaps) {
    std::vector<InputDraw> inputs(1 + index.size(), {.shape = map});
    inputs[0].shape = {3};
    inputs.insert(inputs.end(), 3, {.shape = {2, map[1]}});
    check(map, [&] { return std::make_unique<MixOp>(index, has_affine); }, inputs, {0});
  }
}

OCKHAM_CUDA_TEST(moments_agree_in_every_size) {
  for (const Shape& map : kMaps)
    check(map, [] { return std::make_unique<MomentsOp>(); }, {{.shape = map, .low = -1.0, .high = 2.0}});
}

OCKHAM_CUDA_TEST(norms_agree_in_every_size) {
  for (const Shape& map : kMaps) {
    const Shape C{map[1]};
    check(map, [] { return std::make_unique<BatchNormTrain>(BatchNormAttrs{}, true); },
          {{.shape = map, .low = -1.0, .high = 2.0}, {.shape = C}, {.shape = C}});
    check(map, [] { return std::make_unique<BatchNormEval>(BatchNormAttrs{}, true); },
          {{.shape = map}, {.shape = C}, {.shape = C}, {.shape = C}, {.shape = C, .low = 0.2, .high = 2.0}}, {1, 2});
  }
}

OCKHAM_CUDA_TEST(running_statistics_of_more_channels_than_a_block_has_threads_agree) {
  constexpr std::int64_t kC = 300;
  const auto run_on = [](Device device) {
    const auto drawn = [&](std::uint64_t stream) {
      return gradcheck::noise({kC}, 1, stream).to(DType::kFloat32).to(device);
    };
    Tensor mean = drawn(1), variance = drawn(2);
    Tensor batches = Tensor::zeros({}, DType::kInt64, device);
    RunningStatistics running{mean, variance, batches};
    for (const std::uint64_t stream : {3, 5})
      update_running(running, drawn(stream), drawn(stream + 1), 9, 0.1);
    BOOST_TEST(batches.to(Device{}).data<std::int64_t>()[0] == 2);
    return std::vector{mean.to(Device{}), variance.to(Device{})};
  };
  const std::vector<Tensor> here = run_on({}), there = run_on(test::kCuda);
  for (std::size_t i : {0u, 1u})
    BOOST_TEST(there[i].span<float>() == here[i].span<float>(), boost::test_tools::tolerance(1e-6f)
                                                                    << boost::test_tools::per_element());
}

OCKHAM_CUDA_TEST(pools_agree_in_every_size) {
  for (const Shape& map : kMaps) {
    if (map.rank() != 4)
      continue;
    for (const std::int64_t stride : {1, 2}) {
      check(map,
            [=] {
              return std::make_unique<MaxPool2d>(MaxPool2dAttrs{3, stride, 1});
            },
            {{.shape = map, .draw = Draw::kSeparated}});
      check(map, [=] { return std::make_unique<AvgPool2d>(AvgPool2dAttrs{3, stride, 1, false}); }, {{.shape = map}});
    }
    check(map, [] { return std::make_unique<GlobalAvgPool>(); }, {{.shape = map}});
  }
}

OCKHAM_CUDA_TEST(moments_keep_their_digits_far_from_zero) {
  Tensor x({4, 2, 16, 16}, DType::kFloat32);
  for (std::int64_t i = 0; i < x.numel(); ++i)
    x.data<float>()[i] = 4096.0f + static_cast<float>(i % 7 - 3) / 4.0f;
  const MomentsOp op;
  Saved here, there;
  std::vector<Tensor> y{Tensor(Shape{2, 2})};
  op.forward(std::vector<Tensor>{x}, y, here);
  std::vector<Tensor> y_there{Tensor(Shape{2, 2}, DType::kFloat32, test::kCuda)};
  run_forward(op, std::vector<Tensor>{x.to(test::kCuda)}, y_there, there);
  const Tensor exact = there[1].to(Device{});
  for (std::int64_t i = 0; i < 4; ++i)
    BOOST_TEST(exact.data<double>()[i] == here[1].data<double>()[i], boost::test_tools::tolerance(1e-6));
}

OCKHAM_CUDA_TEST(a_pool_chooses_as_the_cpu_does_among_equals_infinities_and_nans) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const Tensor x =
      Tensor::from<float>({1, 1, -inf, -inf, 1, 1, -inf, -inf, nan, 2, 3, -inf, 2, nan, -inf, inf}, {1, 1, 4, 4});
  for (const MaxPool2dAttrs& attrs : {MaxPool2dAttrs{2, 2, 0}, MaxPool2dAttrs{3, 1, 1}, MaxPool2dAttrs{3, 2, 1}}) {
    const MaxPool2d op(attrs);
    const Spec spec = op.infer(std::vector<Spec>{x.spec()})[0];
    Saved here, there;
    std::vector<Tensor> y{Tensor(spec)};
    op.forward(std::vector<Tensor>{x}, y, here);
    std::vector<Tensor> y_there{Tensor(spec, test::kCuda)};
    run_forward(op, std::vector<Tensor>{x.to(test::kCuda)}, y_there, there);
    const Tensor taps = there[0].to(Device{});
    BOOST_TEST(taps.span<std::uint8_t>() == here[0].span<std::uint8_t>(), boost::test_tools::per_element());
    const Tensor values = y_there[0].to(Device{});
    for (std::int64_t i = 0; i < y[0].numel(); ++i) {
      const float a = values.data<float>()[i];
      const float b = y[0].data<float>()[i];
      BOOST_TEST((a == b || (std::isnan(a) && std::isnan(b))));
    }
  }
}

/// d/dx of the sum of a mix in which x is alpha, every z and every affine.
Tensor gradient_of_shared(Device device) {
  Tape tape;
  Parameter x{.name = "x", .value = Tensor::from<double>({0.5, -1.0, 2.0, 0.25, 1.5, -0.75}, {2, 3}).to(device)};
  const Variable leaf = tape.leaf(x);
  const std::vector<MixBranch> branches{{leaf, leaf}, {leaf, {}}, {leaf, leaf}};
  backward(sum(mix(leaf, branches, {4, 1, 0})));
  return x.grad.to(Device{});
}

OCKHAM_CUDA_TEST(one_tensor_may_be_every_input_of_a_node_sum) {
  const Tensor here = gradient_of_shared({});
  const Tensor there = gradient_of_shared(test::kCuda);
  BOOST_TEST(there.span<double>() == here.span<double>(), boost::test_tools::tolerance(1e-13)
                                                              << boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
