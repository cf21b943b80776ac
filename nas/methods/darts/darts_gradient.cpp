#include "nas/methods/darts/darts_gradient.h"

#include <cmath>

#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

/// Weights after the training step from their grads.
void look_ahead(const std::vector<Parameter*>& weights, const Unrolling& unrolling) {
  for (Parameter* weight : weights) {
    Tensor step = weight->grad.clone();
    axpy(unrolling.weight_decay, weight->value, step);
    if (unrolling.sgd != nullptr)
      axpy(unrolling.momentum, unrolling.sgd->momentum_of(*weight), step);
    axpy(-unrolling.lr, step, weight->value);
  }
}

/// The squared norm of all together.
double square_of(const std::vector<Tensor>& tensors) {
  double square = 0.0;
  for (const Tensor& t : tensors)
    square += dot(t, t);
  return square;
}

}  // namespace

double first_order_gradient(const SearchNetwork& network, const Batch& valid) {
  return network.differentiate(valid).mean_loss();
}

double second_order_gradient(const SearchNetwork& network, const Batch& train, const Batch& valid,
                             const Unrolling& unrolling) {
  const std::vector<Parameter*> weights = network.weights();
  std::vector<Tensor> result;
  double loss = 0.0;
  {
    const Restored restored(*network.module);
    const std::vector<Tensor> start = values_of(weights);
    network.differentiate(train);
    look_ahead(weights, unrolling);
    loss = network.differentiate(valid).mean_loss();
    const std::vector<Tensor> along = grads_of(weights);
    result = grads_of(network.architecture);
    const double square = square_of(along);
    const double eps = 0.01 / std::sqrt(square);
    for (const double side : {1.0, -1.0}) {
      if (square == 0.0)
        break;  // nothing to go along
      place(weights, start, side * eps, along);
      network.differentiate(train);
      for (std::size_t a = 0; a < result.size(); ++a)
        axpy(-side * unrolling.lr / (2.0 * eps), network.architecture[a]->grad, result[a]);
    }
  }
  for (std::size_t a = 0; a < result.size(); ++a)
    network.architecture[a]->grad = result[a];
  return loss;
}

}  // namespace ockham::nas
