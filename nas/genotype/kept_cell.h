#pragma once
// The cell that is left of a search space's graph when some of its operations are dropped.
#include <span>
#include <vector>

#include "nas/genotype/genotype.h"

namespace ockham::nas {

/// Without dropped operations, edges that keep none, and everything that reads a node without incoming edge; dead nodes
/// leave the concat, which is empty if no node is left. Survivors are in the order of `primitives`.
/// @param kept  by edge of the spec and operation: whether it stays
CellGenotype kept_cell(const CellSpec& spec, std::span<const Primitive> primitives,
                       const std::vector<std::vector<bool>>& kept);

/// Removes edges that start at a dead node until none does, and sets the concat to the nodes that are left. Idempotent.
void sweep_dead_nodes(CellGenotype& cell);

}  // namespace ockham::nas
