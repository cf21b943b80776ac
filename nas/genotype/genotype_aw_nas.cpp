// aw_nas's text (walkerning/aw_nas, common.py): each edge names both of its ends.
//   text  := prefix 'CNNGenotype' '(' field {',' field} [','] ')'
//   field := kind '=' '[' edge {',' edge} [','] ']' | kind '_concat' '=' ids
//   kind  := ('normal' | 'reduce') ['_' INT]
//   edge  := '(' STRING ',' INT ',' INT [','] ')'
// Without a _concat all nodes form the output, as in its search space.
#include <algorithm>
#include <numeric>
#include <optional>
#include <set>

#include "engine/error.h"
#include "nas/genotype/genotype.h"
#include "nas/genotype/genotype_text.h"

namespace ockham::nas {
namespace {

/// An edge of 'none' is none, but its node is there.
void read_edge(Cursor& in, CellGenotype& cell) {
  const char bracket = in.open("an edge ('operation', from, to)");
  const std::optional<Primitive> op = read_operation_or_none(in);
  in.expect(',');
  const int from = in.integer();
  in.expect(',');
  const std::size_t at = in.position();
  const int to = in.integer();
  if (to < kInputs || to >= node_id(kMaxNodes))
    in.fail(at, concat("an edge ends in id ", to, "; nodes have ids ", kInputs, " to ", node_id(kMaxNodes) - 1));
  if (from >= to)
    in.fail(at, concat("id ", to, " cannot read id ", from, "; it may read 0 to ", to - 1));
  if (!in.closes(bracket))
    in.fail(in.position(), "an edge has an operation and two ids");
  cell.nodes = std::max(cell.nodes, 1 + to - kInputs);
  if (op)
    cell.edges.push_back({.from = from, .to = to - kInputs, .stride = edge_stride(cell.kind, from), .ops = {*op}});
}

void read_edges(Cursor& in, CellGenotype& cell) {
  const char bracket = in.open("a cell");
  do {
    read_edge(in, cell);
  } while (!in.closes(bracket));
  std::ranges::stable_sort(cell.edges, {}, &GenotypeEdge::to);
}

/// "normal_0_concat" -> "normal_concat".
std::string without_number(std::string_view name) {
  const std::size_t first = name.find('_');
  const std::size_t last = name.find_first_not_of("0123456789", first + 1);
  if (first == std::string_view::npos || last == first + 1)
    return std::string(name);
  return concat(name.substr(0, first), last == std::string_view::npos ? "" : name.substr(last));
}

std::vector<int> all_nodes(int nodes) {
  std::vector<int> all(static_cast<std::size_t>(nodes));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

std::string edges_text(const CellGenotype& cell) {
  std::string text;
  for (const GenotypeEdge& edge : cell.edges)
    text += concat(text.empty() ? "[('" : ", ('", darts_name(edge.ops.front()), "', ", edge.from, ", ",
                   node_id(edge.to), ")");
  return text + "]";
}

}  // namespace

Genotype parse_aw_nas(std::string_view text) {
  if (text.size() > kMaxGenotypeText)
    throw UsageError(concat("genotype: the text is longer than ", kMaxGenotypeText, " bytes."));
  Cursor in(text);
  Genotype genotype;
  genotype.space = "darts";
  read_call(in, "CNNGenotype");
  std::set<std::string> seen;
  do {
    const std::size_t at = in.position();
    const std::string name = without_number(in.word());
    in.expect('=');
    if (!seen.insert(name).second)
      in.fail(at, concat("'", name.substr(0, 40), "' is given twice; one cell of each kind is read"));
    if (name == "normal")
      read_edges(in, genotype.normal);
    else if (name == "reduce")
      read_edges(in, genotype.reduce);
    else if (name == "normal_concat")
      genotype.normal.concat = read_concat(in);
    else if (name == "reduce_concat")
      genotype.reduce.concat = read_concat(in);
    else
      in.fail(at, concat("unknown field '", name.substr(0, 40),
                         "'; known: normal_0, reduce_1, normal_0_concat, reduce_1_concat"));
  } while (!in.closes(')'));
  const std::size_t end = in.position();
  if (!seen.contains("normal") || !seen.contains("reduce"))
    in.fail(end, "the text ends without both of normal_0 and reduce_1");
  if (!in.at_end())
    in.fail(end, "nothing may follow the closing bracket");
  genotype.normal.nodes = genotype.reduce.nodes = std::max(genotype.normal.nodes, genotype.reduce.nodes);
  for (CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    if (!seen.contains(concat(kind_name(cell->kind), "_concat")))
      cell->concat = all_nodes(cell->nodes);
  }
  check(genotype);
  return genotype;
}

std::string to_aw_nas(const Genotype& genotype) {
  check(genotype);
  for (const CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    if (const std::string why = hindrance_to_pairs(*cell); !why.empty())
      throw UsageError(concat("genotype: ", why, "; aw_nas's text has one operation an edge. Keep the JSON form."));
  }
  return concat("CNNGenotype(normal_0=", edges_text(genotype.normal), ", reduce_1=", edges_text(genotype.reduce),
                ", normal_0_concat=", list_of_ids(genotype.normal.concat),
                ", reduce_1_concat=", list_of_ids(genotype.reduce.concat), ")");
}

}  // namespace ockham::nas
