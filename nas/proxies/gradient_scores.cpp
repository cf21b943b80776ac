// Proxies from gradients of one labelled batch, and SynFlow.
#include <algorithm>
#include <cmath>
#include <map>

#include "autograd/curvature.h"
#include "autograd/reverse.h"
#include "nas/proxies/proxies.h"
#include "nas/train/parameter_vectors.h"
#include "ops/sum/sum.h"

namespace ockham::nas::proxies {
namespace {

/// Of convolutions and linear layers.
std::vector<Parameter*> weights_of(Module& network) {
  std::vector<Parameter*> result = network.parameters(ParameterKind::kWeight);
  std::erase_if(result, [](const Parameter* p) { return p->value.rank() < 2; });
  return result;
}

/// dL/dW of each weight; zero where L does not depend on it.
std::vector<Tensor> loss_gradients(const SearchNetwork& subject, const Batch& batch) {
  subject.differentiate(batch);
  return grads_of(weights_of(*subject.module));
}

/// Sum over weights of score(W, gradient).
template <class Score>
double over_weights(const SearchNetwork& subject, const Batch& batch, Score&& score) {
  const Restored restored(*subject.module);
  const std::vector<Tensor> gradients = loss_gradients(subject, batch);
  const std::vector<Parameter*> weights = weights_of(*subject.module);
  double total = 0.0;
  for (std::size_t i = 0; i < weights.size(); ++i)
    total += score(weights[i]->value, gradients[i]);
  return total;
}

double absolute_dot(const Tensor& a, const Tensor& b) {
  double total = 0.0;
  visit_float(a.dtype(), "snip", [&]<class T>() {
    for (std::int64_t i = 0; i < a.numel(); ++i)
      total += std::abs(static_cast<double>(a.data<T>()[i]) * static_cast<double>(b.data<T>()[i]));
  });
  return total;
}

/// The leaves of those parameters that are on the tape.
std::vector<int> leaves_of(const Tape& tape, const std::vector<Parameter*>& parameters) {
  std::vector<int> leaves;
  for (std::size_t n = 0; n < tape.nodes().size(); ++n) {
    if (std::ranges::find(parameters, tape.nodes()[n].parameter) != parameters.end())
      leaves.push_back(static_cast<int>(n));
  }
  return leaves;
}

void make_absolute(Tensor& x) {
  visit_float(x.dtype(), "synflow", [&]<class T>() {
    for (T& value : x.span<T>())
      value = std::abs(value);
  });
}

/// Every parameter its absolute value; batch norm on running statistics becomes the identity.
void linearise(Module& network) {
  constexpr double kEpsilon = 1e-5;  // of batch norm
  std::vector<Parameter*> state = network.state();
  for (Parameter* parameter : state) {
    if (parameter->kind != ParameterKind::kBuffer)
      make_absolute(parameter->value);
  }
  for (const Parameter* mean : state) {
    constexpr std::string_view kMean = "running_mean";
    if (!mean->name.ends_with(kMean))
      continue;
    const std::string norm = mean->name.substr(0, mean->name.size() - kMean.size());
    for (Parameter* parameter : state) {
      if (parameter->name == norm + "running_mean" || parameter->name == norm + "bias")
        fill(parameter->value, 0.0);
      else if (parameter->name == norm + "running_var")
        fill(parameter->value, 1.0 - kEpsilon);
      else if (parameter->name == norm + "weight")
        fill(parameter->value, 1.0);
    }
  }
}

}  // namespace

double gradient_norm(const SearchNetwork& subject, const Batch& batch) {
  return over_weights(subject, batch, [](const Tensor&, const Tensor& g) { return std::sqrt(dot(g, g)); });
}

double plain(const SearchNetwork& subject, const Batch& batch) {
  return over_weights(subject, batch, [](const Tensor& w, const Tensor& g) { return dot(w, g); });
}

double weight_norm(const SearchNetwork& subject) {
  double total = 0.0;
  for (const Parameter* weight : weights_of(*subject.module))
    total += std::sqrt(dot(weight->value, weight->value));
  return total;
}

double snip(const SearchNetwork& subject, const Batch& batch) {
  return over_weights(subject, batch, absolute_dot);
}

double grasp(const SearchNetwork& subject, const Batch& batch) {
  subject.module->state();  // gives the parameters their names
  Tape tape;
  const Variable loss = subject.loss(&tape, batch);
  const std::vector<int> leaves = leaves_of(tape, weights_of(*subject.module));
  const Adjoints adjoints(tape, loss, leaves);
  const auto weight = [&](int leaf) { return tape.nodes()[static_cast<std::size_t>(leaf)].parameter->value; };
  double weight_square = 0.0, gradient_square = 0.0;
  for (const auto& [leaf, g] : adjoints.leaf_gradients()) {
    weight_square += dot(weight(leaf), weight(leaf));
    gradient_square += dot(g, g);
  }
  if (weight_square == 0.0 || gradient_square == 0.0)
    return 0.0;
  // u^T H v = ((u + v)^T H (u + v) - (u - v)^T H (u - v)) / 4, for u along W and v along g, both of length 1.
  std::map<int, Tensor> seeds;
  for (const auto& [leaf, g] : adjoints.leaf_gradients()) {
    const Tensor w = weight(leaf);
    Tensor& seed = seeds[leaf] = Tensor::zeros(with_directions(w.shape(), 2), w.dtype());
    for (const std::int64_t d : {0, 1}) {
      Tensor row = seed.slice(0, d * w.size(0), (d + 1) * w.size(0));
      axpy(1.0 / std::sqrt(weight_square), w, row);
      axpy((d == 0 ? 1.0 : -1.0) / std::sqrt(gradient_square), g, row);
    }
  }
  const std::vector<double> along = adjoints.along(seeds, 2, false);
  return -0.25 * (along[0] - along[1]) * std::sqrt(weight_square * gradient_square);
}

double synflow(const SearchNetwork& subject, std::int64_t channels, std::int64_t size) {
  const Restored restored(*subject.module);
  linearise(*subject.module);
  const std::vector<Parameter*> weights = weights_of(*subject.module);
  for (Parameter* weight : weights)
    weight->grad = {};
  Tape tape;
  const Tensor ones = Tensor::full({1, channels, size, size}, 1.0, weights.front()->value.dtype());
  backward(sum(subject.forward({.tape = &tape}, ones)));
  double total = 0.0;
  for (const Parameter* weight : weights) {
    if (weight->grad)
      total += dot(weight->value, weight->grad);
  }
  return total;
}

}  // namespace ockham::nas::proxies
