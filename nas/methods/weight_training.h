#pragma once
// The weights' side of a search: SGD with clipped gradients on training batches, the same for every method.
#include "autograd/optim/sgd.h"
#include "nas/methods/method.h"
#include "nas/train/repeated_step.h"

namespace ockham::nas {

struct WeightOptions {
  SgdOptions sgd{.momentum = 0.9, .weight_decay = 3e-4};
  double clip = 5.0;  ///< joint norm of the weights' gradients; 0: no limit
};

class WeightTraining {
 public:
  /// `network` must outlive it.
  WeightTraining(const SearchNetwork& network, const WeightOptions& options);

  /// One update from a batch.
  /// @throws DivergedError if the loss or the gradient norm is not finite; the weights are then as before
  Score step(const Batch& batch, const StepPlace& place);
  /// The update from grads that are there already, such as those of a joint loss. @throws DivergedError
  void update(const StepPlace& place);
  /// update() after gradients that are still being computed. The optimiser was prepared.
  void update(StepResult& result);
  Sgd& optimizer() { return optimizer_; }
  const Sgd& optimizer() const { return optimizer_; }
  const WeightOptions& options() const { return options_; }

 private:
  const SearchNetwork& network_;
  WeightOptions options_;
  std::vector<Parameter*> weights_;
  Sgd optimizer_;
  RepeatedStep repeated_;
};

/// Adds `from` to `state` under prefixed names, and takes them out again.
void add_state(std::string_view prefix, const std::map<std::string, Tensor>& from,
               std::map<std::string, Tensor>& state);
std::map<std::string, Tensor> part_of_state(std::string_view prefix, const std::map<std::string, Tensor>& state);
/// The same for a network's parameters and buffers. @throws CheckpointError
void add_network(std::string_view prefix, Module& network, std::map<std::string, Tensor>& state);
void load_network(std::string_view prefix, Module& network, const std::map<std::string, Tensor>& state);

}  // namespace ockham::nas
