#pragma once
// Compression of a network in cycles: train on, measure curvature, update the prior, prune, and keep pruned what is
// pruned (dynamic pruning). Zhou, Yang, Wang, Pan 2019, arXiv:1905.04919, section 3.5; the order of steps is that of
// their supplement (RNN.pdf). One class for all rules, so that they differ in nothing but their numbers.
#include "nas/compression/prior/step_hooks.h"
#include "nas/compression/ranking/budget.h"
#include "nas/compression/ranking/scores.h"
#include "nas/compression/ranking/thresholds.h"

namespace ockham::nas {

/// What must not be more in the end: parameters or multiply-accumulates, counted of entries that are not pruned, or
/// milliseconds as they are measured.
struct CompressionBudget {
  enum class Of { kParams, kMacs, kLatency } of = Of::kParams;
  double most = 0.0;
  /// kLatency: of the network without what masks prune; asked for each network that is tried.
  std::function<double(const Masks& masks)> milliseconds = {};
};

struct CompressorOptions {
  Criterion rule = Criterion::kPublished;
  WeightPriorOptions prior = {};
  ThresholdOptions thresholds = {};  ///< kPublished and kGroupLasso, without a budget
  double nats = 0.0;                 ///< kEvidence, without a budget: groups of less strength go
  bool is_per_layer = false;         ///< scores are compared after division by the mean of their layer
  /// Of the groups that are left, the part that may go in one cycle by a threshold, the lowest first: each is judged as
  /// if the others stayed, so that of those which do the same work all may look redundant.
  double most = 1.0;
  HessianOptions hessian = {};
  std::int64_t cycles = 1;
  /// Groups with the lowest scores go until it is met. Cycle k of n aims at dense (budget / dense)^(k/n), so that each
  /// takes the same share of what is left.
  std::optional<CompressionBudget> budget = {};
};

/// A network's groups. Where they are tied, group i of all families goes when one goes: what writes a channel and what
/// reads it, of which either would do. Its score is the smallest of theirs.
struct CompressionGroups {
  std::vector<FamilyPrior> families;
  bool are_tied = false;
};

struct CycleReport {
  std::int64_t cycle = 0;          ///< from 1
  std::vector<std::int64_t> left;  ///< groups, by family
  std::vector<std::int64_t> gone;  ///< of them in this cycle, by family
  std::int64_t spared = 0;         ///< that the rule names, but which are the last of their layer
  double params = 0.0;             ///< entries of all parameters that are not pruned
  double macs = 0.0;               ///< of an image, by entries that are not pruned
  double cost = 0.0;               ///< of what the budget limits, as it was found to fit; 0 without a budget
  std::string reason;              ///< for the algorithm of the second derivatives
};

class Compressor {
 public:
  /// @param parameters     that the groups speak of, and all others that count in its costs
  /// @param macs_per_entry by parameter (ranking/budget.h)
  /// @throws UsageError for a rule without a threshold and without a budget, or tied families of different sizes
  Compressor(std::vector<Parameter*> parameters, std::vector<double> macs_per_entry, CompressionGroups groups,
             const CompressorOptions& options);

  /// Adds the penalty's gradient where the rule trains with one, and keeps pruned weights at zero.
  void before_update(bool with_penalty);
  /// Tells before any training what end_cycle() would tell in the last cycle, as far as the network's widths tell it.
  /// @param measured  of any images
  /// @throws UsageError if the budget cannot be met
  void require_reachable(const WeightDerivatives& measured) const;
  /// What the rule needs of the loss on these batches; empty where that is nothing.
  WeightDerivatives measure(std::size_t batches, const RecordBatch& record) const;
  /// The end of a cycle, after measure(): the prior's update, pruning. The optimiser forgets what is pruned.
  /// The best group of a layer is always left, for nothing passes an empty layer.
  /// @throws UsageError if no budget can be met so, or all layers would be left with one group
  CycleReport end_cycle(std::int64_t cycle, const WeightDerivatives& measured, Optimizer& optimizer);

  const Masks& masks() const { return masks_; }
  bool is_tied() const { return are_tied_; }
  const WeightPrior& prior() const { return prior_; }
  double params() const;
  double macs() const;
  /// Of what the budget limits, before anything was pruned; parameters without a budget.
  double dense_cost() const { return dense_cost_; }

  /// Masks and prior.
  std::map<std::string, Tensor> state() const;
  void load(const std::map<std::string, Tensor>& state);

 private:
  /// A group, or where they are tied all of one number.
  struct Candidate {
    double score;
    std::uint32_t family;
    std::uint32_t group;
    std::size_t layer;  ///< the same number for groups that pass values on side by side
  };
  using Marks = std::vector<std::vector<bool>>;  // by family and group

  std::vector<Candidate> candidates(const WeightDerivatives& derivatives) const;
  Marks redundant(const WeightDerivatives& derivatives, const std::vector<Candidate>& ranked) const;
  void keep_most(Marks& marks, const std::vector<Candidate>& ranked) const;
  void require_some_left(const Marks& marks, const std::vector<Candidate>& ranked) const;
  Removals over_budget(std::int64_t cycle, const std::vector<Candidate>& ranked) const;
  void mark(Marks& marks, const Candidate& candidate, bool is_to_go) const;
  Marks marks_of(std::span<const Candidate> some) const;
  Marks lowest(std::size_t count, const std::vector<Candidate>& ranked) const;
  std::int64_t spare_last(Marks& marks, const std::vector<Candidate>& ranked) const;
  std::vector<std::int64_t> groups_left() const;
  double cost(const Masks& masks) const;
  double cost_without(std::size_t count, const std::vector<Candidate>& ranked) const;
  double cost_against(double target, std::size_t count, const std::vector<Candidate>& ranked) const;

  std::vector<double> macs_per_entry_;
  CompressorOptions options_;
  bool are_tied_;
  WeightPrior prior_;
  Masks masks_;
  double dense_cost_;
};

}  // namespace ockham::nas
