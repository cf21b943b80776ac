#pragma once
// What one round of BayesNAS found, for logs, summaries and reports.
#include <optional>

#include "autograd/hessian_check.h"
#include "autograd/module.h"
#include "nas/bayes/calibration.h"
#include "nas/train/score.h"

namespace ockham::nas {

struct HessianReport {
  HessianResult result;
  Curvature curvature = Curvature::kExact;
  BatchNormMode batch_norm = BatchNormMode::kRunning;
  std::int64_t entries = 0;
  std::int64_t negative = 0;
  double seconds = 0.0;
  double forward_seconds = 0.0;  ///< one forward pass over the same batch
};

struct Round {
  int number = 1;
  Score held_out = {};  ///< of the search network with refreshed statistics, before pruning; count 0: not scored
  HessianReport hessian = {};
  std::optional<HessianCheck> check = {};
  Calibration calibration = {};
  int pruned = 0;  ///< groups
};

}  // namespace ockham::nas
