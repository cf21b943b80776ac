#pragma once
// What a gradient-based search method sees of a space: a network whose switches or logits say how much of each
// operation there is. Nothing here knows a space; a space's search network fills it in.
#include <functional>

#include "autograd/module.h"
#include "nas/train/micro_batches.h"

namespace ockham::nas {

struct SearchNetwork {
  Module* module;
  std::function<Variable(const Context&, const Variable& images)> forward;  ///< logits of the classes
  std::vector<Parameter*> architecture = {};                                ///< of kind kSwitch
  std::int64_t micro_batch = 0;  ///< images at a time in differentiate() (nas/train/micro_batches.h); 0: all
  /// The map before the mean over pixels, where the space tells; null: unknown.
  std::function<Variable(const Context&, const Variable& images)> features = {};

  std::vector<Parameter*> weights() const { return module->parameters(ParameterKind::kWeight); }
  /// Mean cross-entropy of a batch, batch norm on its statistics; recorded if tape is not null.
  Variable loss(Tape* tape, const Batch& batch) const;
  /// The network whose forward gives features. @throws UsageError where they are unknown
  SearchNetwork up_to_features() const;
  /// Puts d loss / d p into the grad of every weight and architecture parameter; zeros where the loss does not depend
  /// on it. Batch norm takes the batch's statistics; running ones stay as they are. `step` is what an error names.
  /// @throws DivergedError if the loss is not finite
  Score differentiate(const Batch& batch, std::uint64_t step = 0) const;
  /// The same, all images at a time, without waiting for a device.
  StepResult enqueue_gradients(const Batch& batch) const;
  bool takes_whole(const Batch& batch) const { return is_whole(batch.images.size(0), micro_batch); }

 private:
  std::vector<Parameter*> trained() const;
  PartLoss loss_of(Tape& tape, const Batch& batch) const;
};

}  // namespace ockham::nas
