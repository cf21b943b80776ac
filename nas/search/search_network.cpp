#include "nas/search/search_network.h"

#include "autograd/reverse.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham::nas {

Variable SearchNetwork::loss(Tape* tape, const Batch& batch) const {
  return softmax_cross_entropy(forward({.tape = tape, .batch_norm = BatchNormMode::kBatch}, batch.images),
                               batch.labels);
}

double SearchNetwork::differentiate(const Batch& batch) const {
  std::vector<Parameter*> all = weights();
  all.insert(all.end(), architecture.begin(), architecture.end());
  for (Parameter* parameter : all)
    parameter->grad = {};
  Tape tape;
  const Variable value = loss(&tape, batch);
  backward(value);
  for (Parameter* parameter : all) {
    if (!parameter->grad)
      parameter->grad = Tensor::zeros(parameter->value.shape(), parameter->value.dtype());
  }
  return value.value().item();
}

}  // namespace ockham::nas
