#pragma once
// System identification: the order of the system behind some recordings, as the states and inputs that a recurrent
// network keeps of more than enough, under a prior on everything attached to each. Cycles of training with the penalty,
// second derivatives, update of the prior and pruning. Supplement of Zhou, Yang, Wang, Pan 2019 (RNN.pdf).
#include "nas/compression/ranking/derivatives.h"
#include "nas/compression/ranking/thresholds.h"
#include "nas/recurrent/state_groups.h"

namespace ockham::nas {

/// Recordings that start from states of zero.
struct Recordings {
  Tensor inputs;   ///< [N, T, inputs]
  Tensor outputs;  ///< [N, T * outputs], the outputs of a step side by side
};

struct IdentifyOptions {
  double lambda = 3e-3;  ///< of the mean over recordings of half the squared error, summed over steps and outputs
  std::int64_t cycles = 12;
  std::int64_t steps = 150;  ///< of Adam in a cycle, on all recordings
  double lr = 0.02;          ///< falls to a tenth in each cycle, linearly
  bool is_updated = true;    ///< false: omega stays 1, group lasso
  bool is_dynamic = true;    ///< prunes after every cycle; false: after the last
  /// kExact takes F, a tangent sweep a weight; so does kGaussNewton, whose numbers are never negative.
  HessianOptions hessian{.curvature = Curvature::kGaussNewton};
  ThresholdOptions threshold{.relative = {}, .max_abs = 0.05};
};

struct Identified {
  KeptStates kept;
  std::unique_ptr<RecurrentNetwork> network;  ///< of what is kept
  double error = 0.0;                         ///< mean over recordings of half the squared error
};

/// Trains `network` and leaves it pruned.
/// @throws UsageError if nothing would be left of a layer or of the inputs; as mean_derivatives
Identified identify(RecurrentNetwork& network, const Recordings& recordings, const IdentifyOptions& options = {});

}  // namespace ockham::nas
