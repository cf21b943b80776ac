#pragma once
// Which groups of a prior are redundant. The entropy rule of switches (bayes/entropy.h) is for numbers about one; of
// trained weights, whose mean square is about 1e-3, it would take all. What the paper (arXiv:1905.04919) does is not
// known; these rules are ours, but for max_abs and alpha, which the authors' later code has. A group goes if any of
// those that are set says so.
#include <optional>

#include "nas/compression/prior/weight_prior.h"

namespace ockham::nas {

struct ThresholdOptions {
  /// gamma of weights measured in units of their layer's root mean square, of which this is the largest variance that
  /// goes; kPruneThreshold is the entropy rule.
  std::optional<double> normalised = {};
  /// gamma as a multiple of the median over the groups that are left in the layer.
  std::optional<double> relative = 1e-3;
  std::optional<double> max_abs = 1e-3;  ///< of all weights of the group
  std::optional<double> alpha = {};      ///< mean of alpha over the group, above which it goes
  /// Groups no second derivative of which is other than zero. Their omega falls to nothing, so that neither penalty nor
  /// gamma would ever take them; by algorithm R no logit of the images depends on them.
  bool uninformed = true;
};

/// By group; those that are gone already are not marked.
/// @param hessian  what the prior was updated with
/// @throws UsageError if a threshold is negative, or nothing is set
std::vector<bool> redundant_groups(const FamilyPrior& prior, const WeightPriorOptions& prior_options,
                                   const Masks& masks, std::span<const Tensor> hessian,
                                   const ThresholdOptions& options = {});

}  // namespace ockham::nas
