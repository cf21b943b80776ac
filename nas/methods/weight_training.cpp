#include "nas/methods/weight_training.h"

#include "autograd/optim/state.h"
#include "engine/math.h"
#include "nas/train/trainer.h"

namespace ockham::nas {

WeightTraining::WeightTraining(const SearchNetwork& network, const WeightOptions& options)
    : network_(network), options_(options), weights_(network.weights()), optimizer_(weights_, options.sgd) {}

Score WeightTraining::step(const Batch& batch, const StepPlace& place) {
  const Score score = network_.differentiate(batch, place.number);
  update(place);
  return score;
}

void WeightTraining::update(const StepPlace& place) {
  require_finite(clip_gradients(weights_, options_.clip), "the gradient norm", place.number);
  optimizer_.step(place.lr);
}

void add_state(std::string_view prefix, const std::map<std::string, Tensor>& from,
               std::map<std::string, Tensor>& state) {
  for (const auto& [name, tensor] : from)
    state.emplace(concat(prefix, name), tensor);
}

std::map<std::string, Tensor> part_of_state(std::string_view prefix, const std::map<std::string, Tensor>& state) {
  std::map<std::string, Tensor> part;
  for (const auto& [name, tensor] : state) {
    if (name.starts_with(prefix))
      part.emplace(name.substr(prefix.size()), tensor);
  }
  return part;
}

void add_network(std::string_view prefix, Module& network, std::map<std::string, Tensor>& state) {
  for (const Parameter* parameter : network.state())
    state.emplace(concat(prefix, parameter->name), parameter->value);
}

void load_network(std::string_view prefix, Module& network, const std::map<std::string, Tensor>& state) {
  for (Parameter* parameter : network.state())
    copy(stored_like(state, concat(prefix, parameter->name), parameter->value), parameter->value);
}

}  // namespace ockham::nas
