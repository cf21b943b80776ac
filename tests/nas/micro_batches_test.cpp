// Gradients of a batch in parts: the same numbers as at once where no op couples samples, and as plain accumulation
// where batch norm does.
#include "nas/train/micro_batches.h"

#include "autograd/reverse.h"
#include "nas/train/trainer.h"
#include "ops/linear/linear.h"
#include "ops/reshape/reshape.h"
#include "ops/scale/scale.h"
#include "ops/tanh/tanh.h"
#include "tests/nas/networks.h"
#include "tests/support.h"

namespace ockham::nas {
namespace {

const FrameSpec kFrame{.classes = 3, .image_size = 4};

/// tanh of a linear map, then another: no op couples samples.
struct Plain {
  Parameter first{.name = "first", .value = test::noise({5, 48}, DType::kFloat64, 1)};
  Parameter second{.name = "second", .value = test::noise({3, 5}, DType::kFloat64, 2)};

  PartLoss loss(Tape& tape, const Batch& part) {
    const Variable x = reshape(part.images, {part.images.size(0), 48});
    const Variable logits = linear(tanh(linear(x, tape.leaf(first))), tape.leaf(second));
    const Variable loss = softmax_cross_entropy(logits, part.labels);
    return {.loss = loss, .counted = loss.value(), .logits = logits.value()};
  }
  Score gradients(const Batch& batch, std::int64_t micro_batch) {
    return compute_gradients(batch, micro_batch, 0,
                             [&](Tape& tape, const Batch& part, std::uint64_t) { return loss(tape, part); });
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(micro_batches)

BOOST_AUTO_TEST_CASE(parts_add_up_to_the_gradients_of_the_whole_batch) {
  const Batch batch = test::noise_batch(8, kFrame);
  Plain net;
  const Score whole = net.gradients(batch, 0);
  const Tensor first = net.first.grad.clone();
  const Tensor second = net.second.grad.clone();
  for (std::int64_t micro_batch : {8, 4, 1, 3}) {  // 3: the last part is smaller
    const Score parts = net.gradients(batch, micro_batch);
    BOOST_TEST(test::relative_gap(net.first.grad, first) < 1e-12);
    BOOST_TEST(test::relative_gap(net.second.grad, second) < 1e-12);
    BOOST_TEST(parts.loss == whole.loss, boost::test_tools::tolerance(1e-12));
    BOOST_TEST(parts.count == whole.count);
    BOOST_TEST(parts.top1 == whole.top1);
  }
}

BOOST_AUTO_TEST_CASE(a_network_with_batch_norm_steps_as_by_plain_accumulation_of_the_parts) {
  EvaluationSpec spec = test::tiny_evaluation();
  const Genotype genotype = load_genotype("DARTS_V2");
  Initial initial{.dtype = DType::kFloat64};
  EvaluationNetwork network(genotype, spec, initial);
  Initial again{.dtype = DType::kFloat64};
  EvaluationNetwork other(genotype, spec, again);
  const Batch batch = test::noise_batch(6, spec.frame);

  Trainer(network, {.clip = 0.0, .micro_batch = 3}).step(batch, 1e-9, 0);
  for (std::int64_t begin : {0, 3}) {
    Tape tape;
    const Batch part = part_of(batch, begin, begin + 3);
    const Context context{.tape = &tape, .batch_norm = BatchNormMode::kBatch, .is_training = true};
    const Variable loss = softmax_cross_entropy(other.forward(context, part.images).logits, part.labels);
    backward(scale(loss, 0.5), begin > 0);
  }
  const auto trained = network.parameters(ParameterKind::kWeight);
  const auto expected = other.parameters(ParameterKind::kWeight);
  BOOST_REQUIRE(trained.size() == expected.size());
  for (std::size_t i = 0; i < trained.size(); ++i)
    BOOST_TEST(test::relative_gap(trained[i]->grad, expected[i]->grad) < 1e-12, expected[i]->name);
}

BOOST_AUTO_TEST_CASE(parts_are_numbered_through_the_run_so_that_none_shares_random_numbers) {
  const Batch batch = test::noise_batch(6, kFrame);
  Plain net;
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t step : {0, 1}) {
    compute_gradients(batch, 2, step, [&](Tape& tape, const Batch& part, std::uint64_t number) {
      numbers.push_back(number);
      return net.loss(tape, part);
    });
  }
  const std::vector<std::uint64_t> expected{0, 1, 2, 3, 4, 5};
  BOOST_TEST(numbers == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_loss_that_is_not_finite_in_any_part_is_refused_and_names_the_step) {
  Batch batch = test::noise_batch(4, kFrame);
  test::write(batch.images, batch.images.numel() - 1, std::numeric_limits<double>::quiet_NaN());
  Plain net;
  const auto loss = [&](Tape& tape, const Batch& part, std::uint64_t) { return net.loss(tape, part); };
  BOOST_CHECK_EXCEPTION(compute_gradients(batch, 2, 7, loss), DivergedError, (test::Says{{"loss", "step 7"}}));
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::nas
