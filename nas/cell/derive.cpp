#include "nas/cell/derive.h"

#include <algorithm>

#include "engine/error.h"

namespace ockham::nas {
namespace {

void check_sizes(const CellSpec& spec, std::size_t primitives, std::span<const EdgeVariances> variances) {
  if (variances.size() != spec.edges.size())
    throw UsageError(concat("derive: ", variances.size(), " edges of variances for a ", kind_name(spec.kind),
                            " cell with ", spec.edges.size(), " edges."));
  const auto bad = [](double v) { return !(v >= 0.0); };
  for (std::size_t e = 0; e < variances.size(); ++e) {
    const std::string name = edge_name(spec.edges[e].from, spec.edges[e].to);
    if (variances[e].ops.size() != primitives)
      throw UsageError(concat("derive: ", variances[e].ops.size(), " variances on edge ", name, " for ", primitives,
                              " operations."));
    if (bad(variances[e].origin) || std::any_of(variances[e].ops.begin(), variances[e].ops.end(), bad))
      throw UsageError(concat("derive: edge ", name, " has a negative or undefined variance."));
  }
}

[[noreturn]] void refuse_empty(const CellSpec& spec, std::span<const EdgeVariances> variances, double tau) {
  double origin = 0.0, op = 0.0;
  std::size_t ops = 0, kept = 0;
  for (const EdgeVariances& edge : variances) {
    origin = std::max(origin, edge.origin);
    ops += edge.ops.size();
    for (double s : edge.ops) {
      op = std::max(op, s);
      kept += is_redundant(s, tau) ? 0 : 1;
    }
  }
  throw UsageError(concat("derive: lambda is too large: no node of the ", kind_name(spec.kind), " cell is left; ", kept,
                          " of ", ops, " operations have a variance above ", tau, ", the largest of an operation is ",
                          op, ", of an edge ", origin, ". Search again with a smaller lambda."));
}

}  // namespace

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

CellGenotype derive_cell(const CellSpec& spec, std::span<const Primitive> primitives,
                         std::span<const EdgeVariances> variances, double tau) {
  check_sizes(spec, primitives.size(), variances);
  CellGenotype cell{.kind = spec.kind, .nodes = spec.nodes};
  for (std::size_t e = 0; e < variances.size(); ++e) {
    if (is_redundant(variances[e].origin, tau))
      continue;
    const EdgeSpec& place = spec.edges[e];
    GenotypeEdge edge{.from = place.from, .to = place.to, .stride = place.stride};
    for (std::size_t o = 0; o < primitives.size(); ++o) {
      if (!is_redundant(variances[e].ops[o], tau))
        edge.ops.push_back(primitives[o]);
    }
    if (!edge.ops.empty())
      cell.edges.push_back(std::move(edge));
  }
  sweep_dead_nodes(cell);
  if (cell.concat.empty())
    refuse_empty(spec, variances, tau);
  return cell;
}

}  // namespace ockham::nas
