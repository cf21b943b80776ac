#pragma once
// Compression of a network in cycles, whatever the groups are ranked by: train with the hooks, measure derivatives, let
// the cycle end, and once more; then train what is left without a penalty. The masks stay for good. Zhou, Yang, Wang,
// Pan 2019, arXiv:1905.04919, with their baselines under one interface.
#include "nas/compression/ranking/budget.h"
#include "nas/compression/ranking/thresholds.h"
#include "nas/compression/step_hooks.h"

namespace ockham::nas {

struct CompressionOptions {
  Criterion criterion = Criterion::kPublished;
  WeightPriorOptions prior = {};
  PenaltyStep penalty_step = PenaltyStep::kGradient;
  ThresholdOptions threshold = {};  ///< kPublished; kGroupLasso reads max_abs and uninformed
  double nats = 0.0;                ///< kEvidence: groups of at most this strength go
  bool is_per_layer = false;        ///< ScoreOptions::is_per_layer, for budgets
  /// Of the groups that are left in a family, the part that may go at one cycle's end, the lowest first. Each group is
  /// judged as if the others stayed: of those that do the same work all may look redundant.
  double most = 1.0;
};

struct CycleReport {
  std::vector<std::int64_t> pruned;  ///< groups that went, by family
  std::int64_t weights_left = 0;     ///< of all parameters
  double cost_left = 0.0;            ///< of meet()
};

class Compression {
 public:
  /// @param parameters  that the groups speak of, such as all weights; they outlive it
  /// @throws UsageError for proximal steps of several families, nats below zero, most outside (0, 1], and as
  /// WeightPrior
  Compression(std::vector<Parameter*> parameters, std::vector<FamilyPrior> families, const CompressionOptions& options);
  Compression(const Compression&) = delete;
  Compression& operator=(const Compression&) = delete;

  /// For the trainer while cycles last: with the penalty where the criterion trains with one. This outlives the
  /// trainer.
  StepHooks training_hooks();
  /// For the trainer afterwards.
  StepHooks tuning_hooks() { return compression_hooks(nullptr, masks_); }
  /// Whose derivatives a cycle's end wants, by place; null where no group has a weight. For mean_derivatives().
  std::vector<Parameter*> grouped() const;

  /// Updates the prior where the criterion has one, and prunes by the threshold.
  /// @throws UsageError for kMagnitude and kOptimalBrainDamage, which have none; as WeightPrior::update, rank_groups
  CycleReport end_cycle(const WeightDerivatives& derivatives, Optimizer& optimizer);
  /// Updates, and prunes the fewest groups, the lowest first, so that what is left costs at most `budget`. Scores of
  /// several families are compared as they are.
  /// @param per_entry  cost of an entry, by parameter: ones for weights, macs_per_entry() @throws UsageError if not
  /// even all groups together are enough
  CycleReport meet(double budget, std::span<const double> per_entry, const WeightDerivatives& derivatives,
                   Optimizer& optimizer);

  const WeightPrior& prior() const { return prior_; }
  const Masks& masks() const { return masks_; }
  const CompressionOptions& options() const { return options_; }

  std::map<std::string, Tensor> state() const;
  /// @throws CheckpointError as those of prior and masks
  void load(const std::map<std::string, Tensor>& state);

 private:
  using Marks = std::vector<std::vector<bool>>;  // by family and group

  void update(const WeightDerivatives& derivatives);
  Ranking rank(const FamilyPrior& prior, const WeightDerivatives& derivatives, bool is_per_layer) const;
  std::vector<bool> redundant(const FamilyPrior& prior, const WeightDerivatives& derivatives) const;
  void spare_the_highest(std::vector<bool>& marked, const FamilyPrior& prior,
                         const WeightDerivatives& derivatives) const;
  Masks pruned_by(const Marks& marks) const;
  CycleReport prune(const Marks& marks, Optimizer& optimizer);

  CompressionOptions options_;
  Masks masks_;
  WeightPrior prior_;
};

}  // namespace ockham::nas
