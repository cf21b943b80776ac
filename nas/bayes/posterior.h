#pragma once
// The posterior of all switches of one cell type, and one round of it: update variances, then prune. A group is the
// same switch in all copies of the cell: an edge's own ("origin") switch, or one operation's. See laplace.h for the
// update, sparse_prior.h for the gate, entropy.h for the pruning rule, and derive.h for the cell that is left. Zhou,
// Yang, Wang, Pan 2019, arXiv:1905.04919.
#include <string>
#include <vector>

#include "nas/bayes/derive.h"
#include "nas/bayes/entropy.h"
#include "nas/bayes/laplace.h"

namespace ockham::nas {

/// What stands before an operation and can switch it off.
enum class Gate {
  kOrigin,  ///< its edge's own switch (the authors' code)
  kDag,     ///< all operations on the edges into the node that the edge starts at (the paper's dependency)
  kBoth
};
/// What the dag gate sums.
enum class DagSum {
  kGamma,     ///< each operation's own variance
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
  double tau = kPruneThreshold;
};

/// One group. `w` and `hessian` are filled in before each update; the rest is the result.
struct SwitchGroup {
  std::vector<double> w = {};        ///< per copy
  std::vector<double> hessian = {};  ///< d2E/dw2 per copy, E the mean negative log-likelihood
  GroupState state = {};             ///< state.gamma is the group's own variance, without any gate
  double effective = 1.0;            ///< s: gamma under the gate; gamma itself for an origin switch
  int pruned_round = 0;              ///< 0: kept; else the round that pruned it
  bool pruned() const { return pruned_round > 0; }
};

struct EdgePosterior {
  SwitchGroup origin = {};
  std::vector<SwitchGroup> ops = {};  ///< in the order of CellPosterior::primitives
};

struct CellPosterior {
  CellSpec spec = {};
  std::vector<Primitive> primitives = {};
  std::vector<EdgePosterior> edges = {};  ///< in the order of spec.edges
};

/// All switches 1, gamma = omega = 1, nothing pruned.
/// @param copies  how many cells of this type the network has
CellPosterior make_posterior(const CellSpec& spec, std::span<const Primitive> primitives, int copies);

/// Updates every group that is not pruned: edges in topological order, an edge's origin before its operations.
/// @throws as update_group
void update_posterior(CellPosterior& cell, const PosteriorOptions& options);

/// Prunes what the entropy rule calls redundant and what is thereby useless: operations of a pruned origin, origins
/// without operation, everything that reads a dead node. Pruned switches are set to 0.
/// @param round  counted from 1
/// @return how many groups were newly pruned
int prune_posterior(CellPosterior& cell, int round, double tau = kPruneThreshold);

/// What derive_cell takes; pruned groups have variance 0.
std::vector<EdgeVariances> variances(const CellPosterior& cell);

/// sum over groups of lambda * omega * ||w||_2, pruned groups excepted.
double posterior_penalty(const CellPosterior& cell, const PosteriorOptions& options);

/// The content of `posterior.json`: for each cell, edge and switch its value, gamma, omega, Hessian diagonal,
/// covariance, effective variance, entropy and the round that pruned it (0: kept).
std::string posterior_json(const CellPosterior& normal, const CellPosterior& reduce);

}  // namespace ockham::nas
