#include "apps/search/skip_watch.h"

#include <algorithm>

#include "engine/error.h"
#include "nas/catalog/catalog.h"
#include "nas/genotype/genotype.h"
#include "nas/spaces/nasbench201/cell.h"

namespace ockham::apps {
namespace {

namespace nb201 = nas::nasbench201;

CellContent content_of_edges(const nb201::Cell& cell) {
  return {.operations = nb201::kEdges,
          .skips = std::ranges::count(cell.edges, nb201::Operation::kSkipConnect),
          .nones = std::ranges::count(cell.edges, nb201::Operation::kNone)};
}

CellContent content_of_genotype(const nas::Genotype& genotype) {
  CellContent content;
  for (const nas::CellGenotype* part : {&genotype.normal, &genotype.reduce}) {
    content.operations += nas::count_ops(*part);
    for (const nas::GenotypeEdge& edge : part->edges)
      content.skips += std::ranges::count(edge.ops, nas::Primitive::kIdentity);
  }
  return content;
}

}  // namespace

CellContent content_of_cell(const std::string& space, const std::string& cell) {
  if (space == "nasbench201")
    return content_of_edges(nb201::parse_cell(cell));
  const auto is_of_genotypes = [&](const nas::SpaceEntry& entry) { return entry.name == space && entry.has_genotypes; };
  return std::ranges::any_of(nas::spaces(), is_of_genotypes) ? content_of_genotype(nas::load_genotype(cell))
                                                             : CellContent{};
}

std::string collapse_warning(const std::string& space, const std::string& cell) {
  const CellContent content = content_of_cell(space, cell);
  if (!content.is_mostly_skips())
    return "";
  return concat("warning: ", content.skips, " of the ", content.operations, " operations of the cell at present are ",
                "skip connections, ", content.nones, " none: a search that collapses looks so; see --skip-cap");
}

}  // namespace ockham::apps
