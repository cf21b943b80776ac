#include "apps/selfcheck/small_training.h"

#include <algorithm>
#include <iterator>

#include "autograd/reverse.h"
#include "engine/random.h"
#include "engine/transfer.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kImages = 4;
constexpr std::int64_t kSide = 8;
constexpr std::int64_t kClasses = 4;
constexpr int kNodes = 2;

std::unique_ptr<nas::Supernet> make_network(nas::SupernetSpec spec, DType dtype, Device device) {
  spec.frame.channels = 4;
  spec.frame.cells = 3;
  spec.frame.classes = kClasses;
  spec.frame.image_size = kSide;
  Initial initial{.seed = 3, .dtype = dtype, .device = device};
  return std::make_unique<nas::Supernet>(std::move(spec), initial);
}

nas::Batch drawn_batch(DType maps, std::uint64_t step) {
  Tensor images({kImages, 3, kSide, kSide}, compute_type(maps));
  fill_normal(images, {.seed = 4, .purpose = Purpose::kTest, .step = step});
  nas::Batch batch{.images = images.to(maps), .labels = Tensor::zeros({kImages}, DType::kInt64)};
  for (std::int64_t i = 0; i < kImages; ++i)
    batch.labels.data<std::int64_t>()[i] = (i + static_cast<std::int64_t>(step)) % kClasses;
  return batch;
}

}  // namespace

SmallTraining::SmallTraining(const Precision& precision, Device device)
    : precision_(precision),
      device_(device),
      batch_(batch_of(0).to(device)),
      network_(make_network(nas::SupernetSpec::darts(kNodes), precision.weights, device)),
      trained_(network_->parameters(ParameterKind::kWeight)) {
  std::ranges::copy(network_->architecture(), std::back_inserter(trained_));
  sgd_ = std::make_unique<Sgd>(trained_, SgdOptions{.weight_decay = 3e-4});
}

nas::Batch SmallTraining::batch_of(std::uint64_t step) const {
  return drawn_batch(precision_.maps, step);
}

void SmallTraining::prepare() {
  const nas::Batch next = batch_of(steps_);
  transfer(next.images, batch_.images);
  transfer(next.labels, batch_.labels);
  sgd_->prepare(0.025 / (1.0 + 0.1 * static_cast<double>(steps_)));
  ++steps_;
}

void SmallTraining::enqueue() {
  clear_gradients(trained_);
  Tape tape;
  const Context context{.tape = &tape, .batch_norm = BatchNormMode::kBatch, .is_training = true};
  const Variable loss = softmax_cross_entropy(network_->forward(context, batch_.images), batch_.labels);
  backward(loss);
  sgd_->apply(clipped_norm(trained_, 5.0));
  loss_ = loss.value();
}

double SmallTraining::loss() const {
  return loss_.item();
}

std::vector<Tensor> SmallTraining::state() const {
  std::vector<Tensor> result;
  for (const Parameter* parameter : network_->state())
    result.push_back(parameter->value.to(Device{}).clone());
  return result;
}

SmallSwitches::SmallSwitches(DType dtype, Device device)
    : network(make_network(nas::SupernetSpec::darts_with_switches(kNodes), dtype, device)),
      batch(drawn_batch(dtype, 0).to(device)),
      switches(network->architecture()) {}

Variable SmallSwitches::loss(Tape& tape, BatchNormMode mode) {
  return softmax_cross_entropy(network->forward({.tape = &tape, .batch_norm = mode}, batch.images), batch.labels);
}

}  // namespace ockham::apps
