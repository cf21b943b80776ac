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

Score SearchNetwork::differentiate(const Batch& batch, std::uint64_t step) const {
  std::vector<Parameter*> all = weights();
  all.insert(all.end(), architecture.begin(), architecture.end());
  clear_gradients(all);
  const auto part_loss = [this](Tape& tape, const Batch& part, std::uint64_t) {
    PartLoss result;
    const Variable logits = forward({.tape = &tape, .batch_norm = BatchNormMode::kBatch}, part.images);
    result.loss = softmax_cross_entropy(logits, part.labels);
    result.value = result.loss.value().item();
    result.logits = logits.value();
    return result;
  };
  const Score result = compute_gradients(batch, micro_batch, step, part_loss);
  for (Parameter* parameter : all) {
    if (!parameter->grad)
      parameter->grad = Tensor::zeros(parameter->value.shape(), parameter->value.dtype());
  }
  return result;
}

}  // namespace ockham::nas
