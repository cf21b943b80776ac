#include "nas/genotype/kept_cell.h"

namespace ockham::nas {

CellGenotype kept_cell(const CellSpec& spec, std::span<const Primitive> primitives,
                       const std::vector<std::vector<bool>>& kept) {
  CellGenotype cell{.kind = spec.kind, .nodes = spec.nodes};
  for (std::size_t e = 0; e < spec.edges.size(); ++e) {
    const EdgeSpec& place = spec.edges[e];
    GenotypeEdge edge{.from = place.from, .to = place.to, .stride = place.stride};
    for (std::size_t o = 0; o < primitives.size(); ++o) {
      if (kept[e][o])
        edge.ops.push_back(primitives[o]);
    }
    if (!edge.ops.empty())
      cell.edges.push_back(std::move(edge));
  }
  sweep_dead_nodes(cell);
  return cell;
}

void sweep_dead_nodes(CellGenotype& cell) {
  std::vector<bool> alive(static_cast<std::size_t>(cell.nodes), false);
  // Edges are sorted by node, so a node's fate is known before any edge that starts at it.
  std::erase_if(cell.edges, [&](const GenotypeEdge& edge) {
    const bool dead = !is_input(edge.from) && !alive[static_cast<std::size_t>(edge.from - kInputs)];
    if (!dead)
      alive[static_cast<std::size_t>(edge.to)] = true;
    return dead;
  });
  cell.concat.clear();
  for (int node = 0; node < cell.nodes; ++node) {
    if (alive[static_cast<std::size_t>(node)])
      cell.concat.push_back(node);
  }
}

}  // namespace ockham::nas
