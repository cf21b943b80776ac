#pragma once
// Optimisers update parameters in place, outside any tape, where the parameters are. Their state is ordinary named
// tensors, so that a checkpoint holds it and a resumed run goes on with the same bits.
//
// On a device nothing here makes the host wait for results: numbers that change from step to step are written to its
// memory by prepare(), the gradient norm stays there, and apply() reads both. So apply() can be part of a recorded step
// (engine/backend.h), before every run of which prepare() is called.
#include <map>
#include <string>
#include <vector>

#include "autograd/parameter.h"

namespace ockham {

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One update from the parameters' grads; a parameter without a grad stays. lr is the learning rate of this step.
  void step(double lr) {
    prepare(lr);
    apply();
  }
  /// What the host does for a step, at any time before apply().
  virtual void prepare(double lr) = 0;
  /// What the parameters' device does. Changes nothing where `norm` is given and not finite.
  /// @param norm of clipped_norm()
  virtual void apply(const Tensor& norm = {}) = 0;
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
/// The same without waiting for a device: the norm, float64 [], stays where the grads are.
Tensor clipped_norm(const std::vector<Parameter*>& parameters, double limit);

}  // namespace ockham
