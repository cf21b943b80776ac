#pragma once
// From variances to a cell: which operations and edges survive. Zhou et al. 2019 (BayesNAS), entropy criterion; the
// dead-node sweep realises the paper's dependency rule on the finished graph. The random cell of the same size, which
// any search has to beat, is in random_cell.h.
#include <limits>
#include <span>
#include <vector>

#include "nas/bayes/entropy.h"
#include "nas/genotype/genotype.h"

namespace ockham::nas {

/// What the posterior says about one edge of a CellSpec.
struct EdgeVariances {
  double origin = std::numeric_limits<double>::infinity();  ///< gamma of the edge's own switch; infinity: it has none
  std::vector<double> ops = {};                             ///< effective variance s per operation
};

/// The cell that remains: drops edges with origin <= tau, operations with s <= tau, edges without operation, and
/// everything that reads a node without incoming edge; dead nodes leave the concat. Survivors are summed with
/// coefficient 1, in the order of `primitives`. No top-2 rule and no one-operation rule.
/// @param primitives  names of EdgeVariances::ops, in order
/// @param variances   one entry per edge of the spec
/// @throws UsageError "lambda is too large", with the numbers, if no node is left; also if sizes disagree or a variance
/// is negative or NaN
CellGenotype derive_cell(const CellSpec& spec, std::span<const Primitive> primitives,
                         std::span<const EdgeVariances> variances, double tau = kPruneThreshold);

/// Removes edges that start at a dead node until none does, and sets the concat to the nodes that are left. Idempotent.
void sweep_dead_nodes(CellGenotype& cell);

}  // namespace ockham::nas
