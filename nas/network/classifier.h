#pragma once
// What trainings, evaluation and checkpoints see of a network that tells classes.
#include "autograd/module.h"

namespace ockham::nas {

class Whitening;

/// Logits [N, classes], and those of the auxiliary head where the pass trains and there is one.
struct ClassifierOutput {
  Variable logits;
  Variable auxiliary = {};
};

class Classifier : public Module {
 public:
  /// @param images [N, channels, H, W]
  virtual ClassifierOutput forward(const Context& context, const Variable& images) = 0;
  /// A first layer to be computed from images before training (layers/whitening.h); null: there is none.
  virtual Whitening* whitening() { return nullptr; }

  /// Probability with which regularisation drops in training passes, where the network has such: drop path or channel
  /// dropout. Context::moving overrules it.
  void set_drop_probability(double p) { drop_probability_ = p; }
  double drop_probability() const { return drop_probability_; }

 protected:
  double drop_probability_ = 0.0;
};

}  // namespace ockham::nas
