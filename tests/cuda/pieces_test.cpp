// Small ops over several blocks to a direction, several pieces to a sum and several launches to a list: samples of ops
// are smaller than one block.
#include <cmath>

#include "autograd/device_passes.h"
#include "engine/random.h"
#include "ops/add/add_op.h"
#include "ops/add_bias/add_bias_op.h"
#include "ops/concat/concat_op.h"
#include "ops/concrete_gate/concrete_gate_op.h"
#include "ops/dropout/drop_op.h"
#include "ops/gelu/gelu_op.h"
#include "ops/log_softmax/log_softmax_op.h"
#include "ops/mean/mean_op.h"
#include "ops/mul/mul_op.h"
#include "ops/pad2d/pad2d_op.h"
#include "ops/relu/relu_op.h"
#include "ops/reshape/reshape_op.h"
#include "ops/scale/scale_op.h"
#include "ops/shift2d/shift2d_op.h"
#include "ops/silu/silu_op.h"
#include "ops/skeleton/skeleton_op.h"
#include "ops/slice/slice_op.h"
#include "ops/softmax/softmax_op.h"
#include "ops/softmax_cross_entropy/hits.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy_op.h"
#include "ops/sum/sum_op.h"
#include "tests/cuda/agreement.h"

namespace ockham {
namespace {

constexpr RandomKey kKey{.seed = 3, .purpose = Purpose::kTest, .step = 1};

void check(std::string name, std::function<std::unique_ptr<Op>()> make, std::vector<InputDraw> inputs,
           std::vector<std::size_t> diagonal_inputs = {}) {
  const OpSample sample{.name = std::move(name),
                        .make = std::move(make),
                        .inputs = std::move(inputs),
                        .reference = {},
                        .diagonal_inputs = std::move(diagonal_inputs)};
  for (CheckFormat format : {CheckFormat::kFloat64, CheckFormat::kFloat32})
    test::check_agreement(sample, format, sample.make()->name());
}

/// An op without attributes, or with those given.
template <class O, class... Attributes>
auto maker(Attributes... attributes) {
  return [=] { return std::make_unique<O>(attributes...); };
}

BOOST_AUTO_TEST_SUITE(pieces)

OCKHAM_CUDA_TEST(elements_of_several_blocks_agree) {
  const Shape x{5, 1031};  // 6 blocks, 2 pieces, no multiple of either
  check("relu", maker<ElementwiseOp<Relu>>(), {{.shape = x, .draw = Draw::kAwayFromZero}});
  check("gelu", maker<ElementwiseOp<Gelu>>(), {{.shape = x}});
  check("silu", maker<ElementwiseOp<Silu>>(), {{.shape = x}});
  check("square", maker<Square>(), {{.shape = x}});
  check("mul", maker<MulOp>(), {{.shape = x}, {.shape = x}});
  check("scale", maker<ScaleOp>(), {{.shape = x}, {.shape = {1}}}, {1});
  check("fixed scale", maker<FixedScaleOp>(0.7), {{.shape = x}});
  check("sum", maker<SumOp>(), {{.shape = x}});
  check("mean", maker<MeanOp>(), {{.shape = {9, 1000}}});
  check("reshape", maker<ReshapeOp>(Shape{5, 1, 1031}), {{.shape = x}});
}

OCKHAM_CUDA_TEST(lists_of_several_launches_agree) {
  check("19 terms", maker<AddOp>(std::size_t{19}), std::vector<InputDraw>(19, {.shape = {3, 700}}));
  std::vector<InputDraw> parts;
  for (std::int64_t i = 0; i < 18; ++i)
    parts.push_back({.shape = {3, 1 + i % 4, 7, 5}});
  check("18 parts", maker<ConcatOp>(parts.size()), parts);
  std::vector<std::int64_t> group;
  for (std::int64_t c = 0; c < 150; ++c)
    group.push_back(c * 7 % 11);
  check("150 channels in 11 groups", maker<ConcreteGate>(ConcreteGateAttrs{.temperature = 0.7, .key = kKey}, group),
        {{.shape = {3, 150, 3}}, {.shape = {11}}});
}

OCKHAM_CUDA_TEST(windows_of_several_blocks_agree) {
  const Shape x{2, 3, 37, 31};
  check("rows of the batch", maker<SliceOp>(0, 1, 2), {{.shape = x}});
  check("channels", maker<SliceOp>(1, 1, 3), {{.shape = x}});
  check("columns", maker<SliceOp>(3, 4, 29), {{.shape = x}});
  check("pad2d", maker<Pad2dOp>(Pad2dAttrs{.top = 2, .bottom = 1, .left = 3, .right = 1}), {{.shape = x}});
  check("a row", maker<Pad2dOp>(Pad2dAttrs{.top = 2, .left = 3}), {{.shape = {2, 3, 1, 600}}});
  check("shift2d", maker<Shift2dOp>(-2, 3, 1), {{.shape = x}});
  check("shift2d, stride 2", maker<Shift2dOp>(1, 1, 2), {{.shape = x}});
  check("shift2d, stride 3", maker<Shift2dOp>(4, -5, 3), {{.shape = x}});
  check("a single element", maker<SliceOp>(0, 0, 1), {{.shape = {1}}});
}

OCKHAM_CUDA_TEST(windows_of_nothing_are_nothing) {
  const Tensor x = Tensor::zeros({4, 0}).to(test::kCuda);
  Tensor y(Shape{2, 0}, DType::kFloat32, test::kCuda);
  Saved saved;
  run_forward(SliceOp(0, 1, 3), {&x, 1}, {&y, 1}, saved);
  BOOST_TEST(y.numel() == 0);
}

OCKHAM_CUDA_TEST(rows_of_less_and_more_than_a_warp_agree) {
  for (const Shape& x : {Shape{70, 10}, Shape{3, 32}, Shape{5, 33}, Shape{2, 3, 1000}}) {
    const InputDraw draw{.shape = x, .low = -4.0, .high = 4.0};
    check(concat("softmax ", x), maker<RowOp<Softmax>>(), {draw});
    check(concat("log_softmax ", x), maker<RowOp<LogSoftmax>>(), {draw});
  }
  for (const Shape& x : {Shape{300, 10}, Shape{5, 33}, Shape{3, 1000}})
    check(concat("cross-entropy ", x), maker<SoftmaxCrossEntropy>(SoftmaxCrossEntropyAttrs{.label_smoothing = 0.1}),
          {{.shape = x, .low = -4.0, .high = 4.0},
           {.shape = {x[0]}, .draw = Draw::kLabels, .high = static_cast<double>(x[1])}});
}

OCKHAM_CUDA_TEST(channels_of_several_pieces_agree) {
  check("a bias of maps", maker<AddBias>(), {{.shape = {9, 3, 33, 37}}, {.shape = {3}}}, {1});
  check("a bias of vectors", maker<AddBias>(), {{.shape = {4500, 2}}, {.shape = {2}}}, {1});
  const DropAttrs attrs{.p = 0.4, .key = kKey};
  check("dropout", maker<DropOp>("dropout", DropUnit::kElement, attrs), {{.shape = {3, 1500}}});
  check("channel_dropout", maker<DropOp>("channel_dropout", DropUnit::kChannel, attrs), {{.shape = {3, 5, 33, 11}}});
  check("drop_path", maker<DropOp>("drop_path", DropUnit::kSample, attrs), {{.shape = {7, 301}}});
}

OCKHAM_CUDA_TEST(right_answers_are_counted_over_more_rows_than_a_block_has_threads) {
  Tensor logits({700, 7});
  fill_normal(logits, {.seed = 3, .purpose = Purpose::kTest});
  Tensor labels = Tensor::zeros({700}, DType::kInt64);
  for (std::int64_t i = 0; i < logits.numel(); ++i) {
    float& logit = logits.data<float>()[i];
    logit = i % 97 == 0 ? std::nanf("") : std::round(2.0f * logit);  // with many ties
    labels.data<std::int64_t>()[i / 7] = i / 7 % 7;
  }
  const Tensor here = hits(logits, labels);
  const Tensor there = hits(logits.to(test::kCuda), labels.to(test::kCuda)).to(Device{});
  BOOST_TEST(there.span<double>() == here.span<double>(), boost::test_tools::per_element());
  BOOST_TEST(here.data<double>()[0] > 30.0);
  BOOST_TEST(here.data<double>()[1] > 2.0 * here.data<double>()[0]);
}

OCKHAM_CUDA_TEST(a_label_outside_makes_the_loss_nan) {
  const SoftmaxCrossEntropy op({});
  const Tensor logits = Tensor::zeros({3, 4}).to(test::kCuda);
  Saved saved;
  Tensor loss({}, DType::kFloat32, test::kCuda);
  for (const std::int64_t label : {-1, 4}) {
    const Tensor labels = Tensor::from<std::int64_t>({0, label, 1}, {3}).to(test::kCuda);
    run_forward(op, std::vector{logits, labels}, {&loss, 1}, saved);
    BOOST_TEST(std::isnan(loss.item()));
  }
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
