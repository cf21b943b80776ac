#pragma once
// Training with a prior's penalty and pruned weights, as hooks of a Trainer.
#include "nas/compression/prior/weight_prior.h"
#include "nas/train/trainer.h"

namespace ockham::nas {

enum class PenaltyStep {
  kGradient,  ///< the penalty's gradient beside the loss's, before their norm is clipped
  kProximal,  ///< shrinks groups after each update; one family only
};

/// @param prior  null: no penalty, as when what is left is fine-tuned. It and `masks` outlive the trainer.
/// @throws UsageError for proximal steps of several families
inline StepHooks compression_hooks(const WeightPrior* prior, Masks& masks, PenaltyStep step = PenaltyStep::kGradient) {
  const bool is_proximal = prior != nullptr && step == PenaltyStep::kProximal;
  if (is_proximal)
    prior->require_proximal();
  StepHooks hooks{.before_update = [prior, &masks, is_proximal] {
    if (prior != nullptr && !is_proximal)
      prior->add_penalty_gradient();
    masks.mask_gradients();
  }};
  if (is_proximal)
    hooks.after_update = [prior](double lr) { prior->shrink(lr); };
  return hooks;
}

}  // namespace ockham::nas
