#include "nas/genotype/dialects.h"

#include <algorithm>

#include "engine/error.h"
#include "nas/genotype/genotype_text.h"

namespace ockham::nas {
namespace {

/// The brackets of a language: of the list of a node's pairs.
struct NodeBrackets {
  std::string_view open, close;
  std::string_view after_only = "";  ///< what follows a pair that is alone
};

std::string nested_cell(const CellGenotype& cell, const NodeBrackets& brackets) {
  std::string text = "[";
  for (int node = 0; node < cell.nodes; ++node) {
    std::string pairs;
    int count = 0;
    for (const GenotypeEdge& edge : cell.edges) {
      if (edge.to == node)
        pairs += concat(count++ == 0 ? "('" : ", ('", darts_name(edge.ops.front()), "', ", edge.from, ")");
    }
    text += concat(node == 0 ? "" : ", ", brackets.open, pairs, count == 1 ? brackets.after_only : "", brackets.close);
  }
  return text + "]";
}

std::string nested_text(const Genotype& genotype, const NodeBrackets& brackets, std::string_view more) {
  check(genotype);
  for (const CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    if (const std::string why = hindrance_to_pairs(*cell); !why.empty())
      throw UsageError(concat("genotype: ", why, "; a list a node has pairs of one operation. Keep the JSON form."));
  }
  return concat("Genotype(normal=", nested_cell(genotype.normal, brackets),
                ", normal_concat=", list_of_ids(genotype.normal.concat),
                ", reduce=", nested_cell(genotype.reduce, brackets),
                ", reduce_concat=", list_of_ids(genotype.reduce.concat), more, ")");
}

}  // namespace

std::string hindrance_to_pairs(const CellGenotype& cell) {
  for (const GenotypeEdge& edge : cell.edges) {
    if (edge.ops.size() != 1)
      return concat(kind_name(cell.kind), " edge ", edge_name(edge.from, edge.to), " has ", edge.ops.size(),
                    " operations");
  }
  for (int node = 0; node < cell.nodes; ++node) {
    if (std::ranges::none_of(cell.edges, [&](const GenotypeEdge& edge) { return edge.to == node; }))
      return concat("nothing enters node ", node, " of the ", kind_name(cell.kind), " cell");
  }
  return "";
}

std::string to_text(const Genotype& genotype, Dialect dialect) {
  switch (dialect) {
    case Dialect::kJson:
      return to_json(genotype);
    case Dialect::kDarts:
      return to_darts(genotype);
    case Dialect::kPtDarts:
      return nested_text(genotype, {"[", "]"}, "");
    case Dialect::kXAutoDl:
      return nested_text(genotype, {"(", ")", ","}, ", connectN=None, connects=None");
    case Dialect::kAwNas:
      return to_aw_nas(genotype);
    case Dialect::kNni:
      return to_nni(genotype);
  }
  throw Error("genotype: unknown dialect.");
}

}  // namespace ockham::nas
