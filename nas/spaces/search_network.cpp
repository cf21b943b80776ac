#include "nas/spaces/search_network.h"

#include "autograd/optim/optimizer.h"
#include "engine/error.h"
#include "nas/train/micro_batches.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {

Variable SearchNetwork::loss(Tape* tape, const Batch& batch) const {
  return softmax_cross_entropy(forward({.tape = tape, .batch_norm = BatchNormMode::kBatch}, batch.images),
                               batch.labels);
}

SearchNetwork SearchNetwork::up_to_features() const {
  if (!features)
    throw UsageError(
        "features: this network does not tell its map before the mean over pixels, which zen_score needs.");
  return {.module = module, .forward = features, .architecture = architecture};
}

namespace {

/// Clears the gradients of `all`, lets `compute` write them, and puts zeros where it wrote none.
template <class Compute>
auto with_all_gradients(const std::vector<Parameter*>& all, Compute compute) {
  clear_gradients(all);
  auto result = compute();
  for (Parameter* parameter : all) {
    const Tensor& value = parameter->value;
    if (!parameter->grad)
      parameter->grad = Tensor::zeros(value.shape(), value.dtype(), value.device());
  }
  return result;
}

}  // namespace

std::vector<Parameter*> SearchNetwork::trained() const {
  std::vector<Parameter*> all = weights();
  all.insert(all.end(), architecture.begin(), architecture.end());
  return all;
}

PartLoss SearchNetwork::loss_of(Tape& tape, const Batch& batch) const {
  const Variable logits = forward({.tape = &tape, .batch_norm = BatchNormMode::kBatch}, batch.images);
  const Variable loss = softmax_cross_entropy(logits, batch.labels);
  return {.loss = loss, .counted = loss.value(), .logits = logits.value()};
}

Score SearchNetwork::differentiate(const Batch& batch, std::uint64_t step) const {
  return with_all_gradients(trained(), [&] {
    return compute_gradients(batch, micro_batch, step,
                             [this](Tape& tape, const Batch& part, std::uint64_t) { return loss_of(tape, part); });
  });
}

StepResult SearchNetwork::enqueue_gradients(const Batch& batch) const {
  return with_all_gradients(trained(), [&] {
    return nas::enqueue_gradients(batch, 0,
                                  [this](Tape& tape, const Batch& part, std::uint64_t) { return loss_of(tape, part); });
  });
}

}  // namespace ockham::nas
