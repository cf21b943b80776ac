#include "nas/methods/weight_training.h"

#include "autograd/optim/state.h"
#include "engine/math.h"

namespace ockham::nas {

WeightTraining::WeightTraining(const SearchNetwork& network, const WeightOptions& options)
    : network_(network),
      options_(options),
      weights_(network.weights()),
      optimizer_(weights_, options.sgd),
      repeated_(network.module->state()) {}

Score WeightTraining::step(const Batch& batch, const StepPlace& place) {
  if (!network_.takes_whole(batch)) {
    const Score score = network_.differentiate(batch, place.number);
    update(place);
    return score;
  }
  optimizer_.prepare(place.lr);
  const auto work = [this](const Batch& images) {
    StepResult result = network_.enqueue_gradients(images);
    update(result);
    return result;
  };
  return repeated_.run(batch, work).read(place.number);
}

void WeightTraining::update(const StepPlace& place) {
  optimizer_.prepare(place.lr);
  const Tensor norm = clipped_norm(weights_, options_.clip);
  optimizer_.apply(norm);
  require_finite(norm.item(), "the gradient norm", place.number);
}

void WeightTraining::update(StepResult& result) {
  nas::update(optimizer_, weights_, options_.clip, result);
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
