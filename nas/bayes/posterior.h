#pragma once
// The posterior of all switches of a search network, and one round of it: update variances, then prune. A group is the
// same switch in all copies of a cell: one operation's, one input's, or an edge's own ("origin"). See laplace.h for the
// update, sparse_prior.h for the gate, entropy.h for the pruning rule, gates.h for what can cut a group off. Zhou,
// Yang, Wang, Pan 2019, arXiv:1905.04919.
#include <span>

#include "nas/bayes/entropy.h"
#include "nas/bayes/gates.h"
#include "nas/bayes/laplace.h"

namespace ockham::nas {

/// What gates a group's variance.
enum class Gate {
  kOrigin,  ///< its edge's own switch (the authors' code)
  kDag,     ///< the groups before it: all operations on the edges into the node that its edge starts at (the paper)
  kBoth
};
/// What the dag gate sums.
enum class DagSum {
  kGamma,     ///< each group's own variance
  kEffective  ///< its effective variance, so that pruning passes through chains of nodes
};

struct PosteriorOptions {
  LaplaceOptions laplace = {};
  double lambda_child = 0.01;
  double lambda_origin = 0.01;
  Gate gate = Gate::kOrigin;
  DagSum dag_sum = DagSum::kGamma;
  /// Adds the gate's precision to an operation's in C: the model p(w | s) read literally. The authors' code does not.
  bool gate_in_covariance = false;
  /// Starts each update from s in place of gamma, as the authors' code does, which applies the gate once more every
  /// round (of no effect in the first).
  bool compound_gate = false;

  double lambda(const SwitchGates& gates) const { return gates.is_origin ? lambda_origin : lambda_child; }
};

/// One group. `w` and `hessian` are filled in before each update; the rest is the result.
struct SwitchGroup {
  SwitchGates gates = {};
  std::vector<double> w = {};        ///< per copy; a group without copies is no switch and takes no part
  std::vector<double> hessian = {};  ///< d2E/dw2 per copy, E the mean negative log-likelihood
  GroupState state = {};             ///< state.gamma is the group's own variance, without any gate
  double effective = 1.0;            ///< s: gamma behind its gate; gamma itself for an origin
  int pruned_round = 0;              ///< 0: kept; else the round that pruned it

  bool is_switch() const { return !w.empty(); }
  bool is_pruned() const { return pruned_round > 0; }
};

/// Switches 1, gamma = omega = 1, not pruned.
SwitchGroup make_group(SwitchGates gates, std::size_t copies);

/// Updates every group that is not pruned, those that gate others before these.
/// @throws as update_group
void update_posterior(std::span<SwitchGroup> groups, const PosteriorOptions& options);

/// What the entropy rule calls redundant, by group: variances up to the threshold.
std::vector<bool> redundant_by_entropy(std::span<const SwitchGroup> groups, double threshold = kPruneThreshold);

/// Prunes what is redundant and what is thereby useless: operations of a pruned origin, origins without operation,
/// everything whose inputs are all pruned, or all that it feeds. Pruned switches are set to 0.
/// @param round  counted from 1
/// @return how many groups were newly pruned
int prune_posterior(std::span<SwitchGroup> groups, const std::vector<bool>& redundant, int round);

/// sum over groups of lambda * omega * ||w||_2, pruned groups excepted.
double posterior_penalty(std::span<const SwitchGroup> groups, const PosteriorOptions& options);

}  // namespace ockham::nas
