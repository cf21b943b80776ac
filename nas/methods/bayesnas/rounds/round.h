#pragma once
// What one round of BayesNAS found, for logs, summaries and reports.
#include <optional>

#include "autograd/hessian_check.h"
#include "autograd/module.h"
#include "nas/bayes/calibration.h"
#include "nas/bayes/evidence/rules.h"
#include "nas/methods/budget/budget.h"
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

/// How far strengths move between two halves of the images, each measured alone.
struct HalvesReport {
  double mean_move = 0.0, largest_move = 0.0;  ///< nats
  int decided_otherwise = 0;                   ///< groups above the threshold by one half and not by the other
  double rank_correlation = 0.0;               ///< Spearman's; NaN where all of a half are equal
};

/// What a rule of evidence said.
struct EvidenceReport {
  Rule rule = Rule::kEvidence;
  double threshold = 0.0;
  double evidence = 0.0;                    ///< of all groups together, against none, in nats
  int judged = 0, kept = 0;                 ///< groups; kept are those above the threshold
  std::optional<HalvesReport> halves = {};  ///< nothing of one image
};

/// How far a round of a rule of evidence moved, for the next to be compared with.
struct RoundEvidence {
  int round = 1;
  double evidence = 0.0;   ///< of all groups together, against none, in nats
  double per_image = 0.0;  ///< log evidence of the images (Verdict::per_image) at the lambda by which this round pruned
  double loss = 0.0;       ///< of the same images
  double moved = 0.0;      ///< mean change in nats of what groups are worth, of those judged the round before, too
  int pruned = 0;          ///< groups

  bool operator==(const RoundEvidence&) const = default;
};

struct Round {
  int number = 1;
  Score held_out = {};  ///< of the search network with refreshed statistics, before pruning; count 0: not scored
  HessianReport hessian = {};
  std::optional<HessianCheck> check = {};
  Calibration calibration = {};
  std::optional<EvidenceReport> evidence = {};  ///< nothing by the entropy rule
  std::optional<SparsityPath> path = {};        ///< of the last round, where there is a budget
  int pruned = 0;                               ///< groups
  std::vector<RoundEvidence> moves = {};        ///< of all rounds so far; nothing by the entropy rule
  bool ends = false;                            ///< the evidence did not rise, and no further round follows
};

}  // namespace ockham::nas
