#pragma once
// Inside nas/draw only: what the two drawings of a cell have in common.
#include <algorithm>
#include <cmath>
#include <optional>

#include "nas/draw/draw.h"

namespace ockham::nas {

/// The number of an operation of the cell, if it is known.
inline std::optional<double> drawn_variance(const CellVariances* known, const GenotypeEdge& edge, Primitive op) {
  for (std::size_t e = 0; known && e < known->edges.size(); ++e) {
    if (known->spec.edges[e].from != edge.from || known->spec.edges[e].to != edge.to)
      continue;
    const auto found = std::ranges::find(known->primitives, op);
    if (found != known->primitives.end())
      return known->edges[e].ops[static_cast<std::size_t>(found - known->primitives.begin())];
  }
  return std::nullopt;
}

/// Between 1 at the pruning threshold (at one nat of evidence where that is less) and 4.5 a hundred times above it; 1.8
/// where nothing is known.
inline double line_width(const CellVariances* known, std::optional<double> number) {
  if (!known || !number)
    return 1.8;
  const bool is_variance = known->measure.name == Measure{}.name;
  const double least = is_variance ? known->measure.threshold : std::max(1.0, known->measure.threshold);
  return 1.0 + 3.5 * std::clamp(0.5 * std::log10(*number / least), 0.0, 1.0);
}

/// Edges of the search space that the cell does not have.
inline std::vector<EdgeSpec> pruned_edges(const CellGenotype& cell, const CellVariances* known) {
  std::vector<EdgeSpec> pruned;
  for (std::size_t e = 0; known && e < known->edges.size(); ++e) {
    const EdgeSpec& place = known->spec.edges[e];
    if (std::ranges::none_of(cell.edges,
                             [&](const GenotypeEdge& edge) { return edge.from == place.from && edge.to == place.to; }))
      pruned.push_back(place);
  }
  return pruned;
}

}  // namespace ockham::nas
