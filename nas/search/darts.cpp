#include "nas/search/darts.h"

#include <cmath>

#include "engine/math.h"

namespace ockham::nas {
namespace {

std::vector<Tensor> values_of(const std::vector<Parameter*>& parameters) {
  std::vector<Tensor> values;
  for (const Parameter* parameter : parameters)
    values.push_back(parameter->value.clone());
  return values;
}

std::vector<Tensor> grads_of(const std::vector<Parameter*>& parameters) {
  std::vector<Tensor> grads;
  for (const Parameter* parameter : parameters)
    grads.push_back(parameter->grad);
  return grads;
}

/// Parameters = start + step * direction.
void place(const std::vector<Parameter*>& parameters, const std::vector<Tensor>& start, double step,
           const std::vector<Tensor>& direction) {
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    copy(start[p], parameters[p]->value);
    axpy(step, direction[p], parameters[p]->value);
  }
}

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

}  // namespace

double first_order_gradient(const SearchNetwork& network, const Batch& valid) {
  return network.differentiate(valid);
}

double second_order_gradient(const SearchNetwork& network, const Batch& train, const Batch& valid,
                             const Unrolling& unrolling) {
  const std::vector<Parameter*> weights = network.weights();
  const std::vector<Tensor> start = values_of(weights);
  network.differentiate(train);
  look_ahead(weights, unrolling);
  const double loss = network.differentiate(valid);
  const std::vector<Tensor> along = grads_of(weights);
  std::vector<Tensor> result = grads_of(network.architecture);
  double square = 0.0;
  for (const Tensor& g : along)
    square += dot(g, g);
  if (square > 0.0) {
    const double eps = 0.01 / std::sqrt(square);
    for (const double side : {1.0, -1.0}) {
      place(weights, start, side * eps, along);
      network.differentiate(train);
      for (std::size_t a = 0; a < result.size(); ++a)
        axpy(-side * unrolling.lr / (2.0 * eps), network.architecture[a]->grad, result[a]);
    }
  }
  for (std::size_t p = 0; p < weights.size(); ++p)
    copy(start[p], weights[p]->value);
  for (std::size_t a = 0; a < result.size(); ++a)
    network.architecture[a]->grad = result[a];
  return loss;
}

}  // namespace ockham::nas
