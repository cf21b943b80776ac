#pragma once
// From variances to a cell: which operations and edges survive. Zhou et al. 2019 (BayesNAS), entropy criterion; the
// dead-node sweep realises the paper's dependency rule on the finished graph.
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "nas/bayes/entropy.h"
#include "nas/genotype/genotype.h"

namespace ockham::nas {

/// What the posterior says about one edge of a CellSpec.
struct EdgeVariances {
  double origin = std::numeric_limits<double>::infinity();  ///< gamma of the edge's own switch; infinity: it has none
  std::vector<double> ops = {};                             ///< effective variance s per operation
};

/// What the numbers of edges and operations are, by which those stay that have more than the threshold.
struct Measure {
  std::string_view name = "variance";
  double threshold = kPruneThreshold;
};
/// Evidence in nats (nas/bayes/evidence/rules.h): of an operation its strength, of an edge that of all of it.
inline Measure strength_above(double threshold) {
  return {.name = "strength", .threshold = threshold};
}

/// What it says about all edges of a cell, and which they are.
struct CellVariances {
  CellSpec spec = {};
  std::vector<Primitive> primitives = {};  ///< names of EdgeVariances::ops, in order
  std::vector<EdgeVariances> edges = {};   ///< in the order of spec.edges
  Measure measure = {};                    ///< that the numbers of edges are
};

/// The kept_cell() (nas/genotype/kept_cell.h) of operations whose origin's and own number are above the threshold.
/// Survivors are summed with coefficient 1. No top-2 rule and no one-operation rule.
/// @param primitives  names of EdgeVariances::ops, in order
/// @param variances   one entry per edge of the spec
/// @throws UsageError "lambda is too large", with the numbers, if no node is left; also if sizes disagree or a variance
/// is negative or NaN
CellGenotype derive_cell(const CellSpec& spec, std::span<const Primitive> primitives,
                         std::span<const EdgeVariances> variances, const Measure& measure = {});

inline CellGenotype derive_cell(const CellVariances& cell) {
  return derive_cell(cell.spec, cell.primitives, cell.edges, cell.measure);
}

}  // namespace ockham::nas
