#pragma once
// The random baseline: a cell with as many operations as a found one, on the same search space (Li and Talwalkar 2019,
// arXiv:1902.07638: a search that does not beat this has found nothing).
#include <cstdint>
#include <span>

#include "nas/genotype/genotype.h"

namespace ockham::nas {

/// A cell with exactly `ops` operations that all reach the output. Each node first draws one (edge, operation) of its
/// incoming edges, uniformly; the rest is drawn uniformly from what is left. With fewer operations than nodes, the last
/// nodes stay dead. The result depends on (seed, index, kind of the cell) only.
/// @param index  tells several cells of one seed apart
/// @throws UsageError unless 1 <= ops <= edges * primitives
CellGenotype random_cell(const CellSpec& spec, std::span<const Primitive> primitives, int ops, std::uint64_t seed,
                         std::uint64_t index = 0);

/// Cells drawn so in the space of the found ones (darts, or those of bayesnas), with as many operations.
Genotype random_like(const Genotype& found, std::uint64_t seed, std::uint64_t index);

}  // namespace ockham::nas
