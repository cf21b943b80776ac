#include "nas/bayes/derive.h"

#include <algorithm>

#include "engine/error.h"
#include "nas/genotype/kept_cell.h"

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

[[noreturn]] void refuse_empty(const CellSpec& spec, std::span<const EdgeVariances> variances, const Measure& measure) {
  double origin = 0.0, op = 0.0;
  std::size_t ops = 0, kept = 0;
  for (const EdgeVariances& edge : variances) {
    origin = std::max(origin, edge.origin);
    ops += edge.ops.size();
    for (double s : edge.ops) {
      op = std::max(op, s);
      kept += is_redundant(s, measure.threshold) ? 0 : 1;
    }
  }
  throw UsageError(concat("derive: lambda is too large: no node of the ", kind_name(spec.kind), " cell is left; ", kept,
                          " of ", ops, " operations have a ", measure.name, " above ", measure.threshold,
                          ", the largest of an operation is ", op, ", of an edge ", origin,
                          ". Search again with a smaller lambda."));
}

}  // namespace

CellGenotype derive_cell(const CellSpec& spec, std::span<const Primitive> primitives,
                         std::span<const EdgeVariances> variances, const Measure& measure) {
  check_sizes(spec, primitives.size(), variances);
  std::vector<std::vector<bool>> kept;
  for (const EdgeVariances& edge : variances) {
    std::vector<bool>& ops = kept.emplace_back();
    for (const double s : edge.ops)
      ops.push_back(!is_redundant(edge.origin, measure.threshold) && !is_redundant(s, measure.threshold));
  }
  CellGenotype cell = kept_cell(spec, primitives, kept);
  if (cell.concat.empty())
    refuse_empty(spec, variances, measure);
  return cell;
}

}  // namespace ockham::nas
