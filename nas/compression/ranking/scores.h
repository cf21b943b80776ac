#pragma once
// How much the network would miss each group of a family, by several measures under one interface: the group with the
// lowest score goes first.
#include <string_view>

#include "nas/compression/prior/weight_prior.h"
#include "nas/compression/ranking/derivatives.h"

namespace ockham::nas {

enum class Criterion {
  kMagnitude,           ///< "magnitude": ||W_g||_2
  kGroupLasso,          ///< "group-lasso": the same, after training with the penalty of omega = 1. Yuan and Lin 2006
  kOptimalBrainDamage,  ///< "obd": 1/2 sum H w^2, the loss by the diagonal model. LeCun, Denker, Solla 1990
  /// "evidence": strength of bayes/evidence/evidence.h in nats with a gradient of zero, that of the loss and its decay
  /// where training has ended. The gradient of n images would be noise: it is uncertain by sqrt(H / n), which adds
  /// 1 / (n lambda) to each member's q^2 / s, of which 1 is the threshold (at 512 images and lambda = 1 / 45,000: 88).
  /// Groups without evidence have sum q^2 / sum s - 1, between -1 and 0, so that these have an order too. Single
  /// weights are in the order of kOptimalBrainDamage.
  kEvidence,
  kPublished,  ///< "published": gamma of prior/weight_prior.h
};

/// @throws UsageError naming those that there are
Criterion parse_criterion(std::string_view name);
std::string_view name_of(Criterion criterion);
/// Does training add the penalty of a WeightPrior, which for kGroupLasso is never updated?
bool trains_with_penalty(Criterion criterion);
/// Does it tell which groups are redundant? The others order groups, for a budget.
bool has_threshold(Criterion criterion);

/// Of one family.
struct Ranking {
  std::vector<double> score;          ///< by group
  std::vector<std::int64_t> members;  ///< entries that are not pruned; a group without is gone, its score 0
};

struct ScoreOptions {
  double lambda = 1e-4;  ///< kEvidence: temperature, as in the prior
  /// Divides each score by the mean over the groups of its layer, so that layers lose groups alike.
  bool is_per_layer = false;
};

/// @param derivatives  for kOptimalBrainDamage and kEvidence; else not looked at
/// @throws UsageError if second derivatives by a parameter with groups are missing, or lambda is not positive
/// @throws DivergedError if a score is not finite
Ranking rank_groups(Criterion criterion, const FamilyPrior& prior, const Masks& masks,
                    const WeightDerivatives& derivatives, const ScoreOptions& options = {});

}  // namespace ockham::nas
