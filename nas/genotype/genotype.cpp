#include "nas/genotype/genotype.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <numeric>

#include "engine/error.h"
#include "nas/genotype/genotype_text.h"
#include "nas/genotype/published.h"

namespace ockham::nas {
namespace {

template <class... Pieces>
[[noreturn]] void refuse(const Pieces&... pieces) {
  throw UsageError(concat("genotype: ", pieces...));
}

void check_edge(const CellGenotype& cell, const GenotypeEdge& edge, const std::vector<bool>& alive) {
  const std::string name = concat(kind_name(cell.kind), " edge ", edge_name(edge.from, edge.to));
  const int stride = edge_stride(cell.kind, edge.from);
  if (edge.stride != stride)
    refuse(name, " has stride ", edge.stride, ", must be ", stride,
           "; only edges from a cell input of a reduction cell have stride 2.");
  if (edge.ops.empty())
    refuse(name, " has no operation; leave the edge out.");
  for (Primitive op : edge.ops) {
    if (std::count(edge.ops.begin(), edge.ops.end(), op) > 1)
      refuse(name, " names ", primitive_name(op), " twice; an operation stands at most once on an edge.");
  }
  if (!is_input(edge.from) && !alive[static_cast<std::size_t>(edge.from - kInputs)])
    refuse(name, " reads node ", edge.from - kInputs, ", which has no incoming edge.");
}

void check_edges(const CellGenotype& cell, std::vector<bool>& alive) {
  constexpr std::size_t kMaxEdges = 1024;
  if (cell.edges.size() > kMaxEdges)
    refuse(kind_name(cell.kind), " cell has ", cell.edges.size(), " edges; at most ", kMaxEdges, " are read.");
  int last = 0;
  for (const GenotypeEdge& edge : cell.edges) {
    if (edge.to < 0 || edge.to >= cell.nodes)
      refuse(kind_name(cell.kind), " edge ends in node ", edge.to, "; nodes are 0 to ", cell.nodes - 1, ".");
    if (edge.from < 0 || edge.from >= node_id(edge.to))
      refuse(kind_name(cell.kind), " edge into node ", edge.to, " starts at id ", edge.from, "; it may start at 0 to ",
             node_id(edge.to) - 1, " (0, 1: cell inputs; 2...: nodes).");
    if (edge.to < last)
      refuse(kind_name(cell.kind), " edge ", edge_name(edge.from, edge.to), " stands after one into node ", last,
             "; edges are sorted by node.");
    last = edge.to;
    check_edge(cell, edge, alive);
    alive[static_cast<std::size_t>(edge.to)] = true;
  }
}

void check_cell(const CellGenotype& cell) {
  if (cell.nodes < 1 || cell.nodes > kMaxNodes)
    refuse(kind_name(cell.kind), " cell has ", cell.nodes, " nodes; a cell has 1 to ", kMaxNodes, ".");
  std::vector<bool> alive(static_cast<std::size_t>(cell.nodes), false);
  check_edges(cell, alive);
  if (cell.concat.empty())
    refuse(kind_name(cell.kind), " cell has an empty concat; at least one node must form its output.");
  int last = -1;
  for (int node : cell.concat) {
    if (node < 0 || node >= cell.nodes)
      refuse(kind_name(cell.kind), " concat names node ", node, "; nodes are 0 to ", cell.nodes - 1, ".");
    if (node <= last)
      refuse(kind_name(cell.kind), " concat names node ", node, " after node ", last, "; it must ascend.");
    if (!alive[static_cast<std::size_t>(node)])
      refuse(kind_name(cell.kind), " concat names node ", node, ", which has no incoming edge.");
    last = node;
  }
}

std::string read_text(const std::filesystem::path& path) {
  std::error_code failed;
  if (std::filesystem::is_directory(path, failed))
    refuse("'", path.string(), "' is a folder; give the genotype.json inside it.");
  if (!std::filesystem::is_regular_file(path, failed))
    refuse("'", path.string(), "' is not a regular file.");
  std::ifstream file(path, std::ios::binary);
  std::string text(kMaxGenotypeText + 1, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (file.bad() || !file.is_open())
    refuse("cannot read '", path.string(), "'.");
  text.resize(static_cast<std::size_t>(file.gcount()));
  return text;
}

}  // namespace

int count_ops(const CellGenotype& cell) {
  return std::accumulate(cell.edges.begin(), cell.edges.end(), 0,
                         [](int sum, const GenotypeEdge& edge) { return sum + static_cast<int>(edge.ops.size()); });
}

void check(const Genotype& genotype) {
  if (genotype.space != "bayesnas" && genotype.space != "darts")
    refuse("unknown space '", genotype.space.substr(0, 40), "'; known: bayesnas, darts.");
  if (genotype.normal.kind != CellKind::kNormal || genotype.reduce.kind != CellKind::kReduction)
    refuse("the normal and the reduction cell are exchanged.");
  if (genotype.normal.nodes != genotype.reduce.nodes)
    refuse("the normal cell has ", genotype.normal.nodes, " nodes and the reduction cell ", genotype.reduce.nodes,
           "; both need the same number.");
  check_cell(genotype.normal);
  check_cell(genotype.reduce);
}

Genotype parse_genotype(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf", kBlanks = " \t\r\n";
  text.remove_prefix(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0);
  const auto holds = [&](std::string_view part) { return text.find(part) != std::string_view::npos; };
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first != std::string_view::npos && text[first] == '{') {
    if (holds("/op_2_0\"") || holds("/op_2_0'") || holds("_n2_p0\"") || holds("_n2_p0'"))
      return parse_nni(text);
    const std::size_t second = text.find_first_not_of(kBlanks, first + 1);
    return second != std::string_view::npos && text[second] == '\'' ? parse_darts(text) : parse_genotype_json(text);
  }
  return holds("CNNGenotype") ? parse_aw_nas(text) : parse_darts(text);
}

std::string genotype_text(const std::string& what) {
  if (const Published* known = find_published(what))
    return std::string(known->text);
  std::error_code failed;
  return std::filesystem::exists(what, failed) ? read_text(what) : what;
}

Genotype load_genotype(const std::string& what) {
  std::error_code failed;
  const bool is_file = find_published(what) == nullptr && std::filesystem::exists(what, failed);
  if (is_file) {
    try {
      return parse_genotype(genotype_text(what));
    } catch (const UsageError& error) {
      throw UsageError(concat(what, ": ", error.what()));
    }
  }
  if (find_published(what) != nullptr || what.find_first_of("({") != std::string::npos)
    return parse_genotype(genotype_text(what));
  std::string names;
  for (const Published& known : published_genotypes())
    names += (names.empty() ? "" : ", ") + std::string(known.name);
  refuse("'", what, "' is neither a file nor a known name nor genotype text; known names: ", names, ".");
}

}  // namespace ockham::nas
