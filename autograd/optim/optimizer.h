#pragma once
// Optimisers update parameters in place, outside any tape. Their state is ordinary named tensors, so that a checkpoint
// holds it and a resumed run goes on with the same bits.
#include <map>
#include <string>
#include <vector>

#include "autograd/parameter.h"

namespace ockham {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One update from the parameters' grads; a parameter without a grad stays. lr is the learning rate of this step.
  virtual void step(double lr) = 0;
  /// Named state tensors ("momentum.stem.0.weight"), to save.
  virtual std::map<std::string, Tensor> state() const = 0;
  /// @throws CheckpointError if a tensor is missing or has another shape or dtype
  virtual void load(const std::map<std::string, Tensor>& state) = 0;
};

/// Gives their memory back: for the start of a step, which overwrites them at its end.
void clear_gradients(const std::vector<Parameter*>& parameters);

/// Scales the grads so that their joint l2 norm is at most `limit` (0: no limit) and returns the norm before scaling.
/// A non-finite norm leaves the grads as they are. Pascanu, Mikolov, Bengio 2013.
double clip_gradients(const std::vector<Parameter*>& parameters, double limit);

}  // namespace ockham
