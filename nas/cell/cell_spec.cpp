#include "nas/cell/cell_spec.h"

#include "engine/error.h"

namespace ockham::nas {
namespace {

void check_nodes(int nodes) {
  if (nodes < 1 || nodes > kMaxNodes)
    throw UsageError(concat("cell: ", nodes, " nodes; a cell has 1 to ", kMaxNodes, " nodes."));
}

void add_edge(CellSpec& cell, int from, int to) {
  cell.edges.push_back({.from = from, .to = to, .stride = edge_stride(cell.kind, from)});
}

}  // namespace

const char* kind_name(CellKind kind) {
  return kind == CellKind::kNormal ? "normal" : "reduce";
}

int edge_stride(CellKind kind, int from) {
  return kind == CellKind::kReduction && is_input(from) ? 2 : 1;
}

std::string source_name(int id) {
  if (id == kInputPrevious)
    return "in0";
  if (id == kInputOlder)
    return "in1";
  return "node" + std::to_string(id - kInputs);
}

std::string edge_name(int from, int to) {
  const std::string source = is_input(from) ? source_name(from) : "sel_" + std::to_string(from - kInputs);
  return source + "_" + std::to_string(to);
}

CellSpec bayesnas_cell(CellKind kind, int nodes, bool last_reads_previous) {
  check_nodes(nodes);
  CellSpec cell{.kind = kind, .nodes = nodes};
  for (int to = 0; to < nodes; ++to) {
    const bool reads_node0 = to > 0 && (kind == CellKind::kReduction || to == nodes - 1);
    if (!reads_node0) {
      add_edge(cell, kInputPrevious, to);
      add_edge(cell, kInputOlder, to);
      continue;
    }
    const bool swapped = last_reads_previous && kind == CellKind::kNormal;
    add_edge(cell, swapped ? kInputPrevious : kInputOlder, to);
    add_edge(cell, node_id(0), to);
  }
  return cell;
}

CellSpec darts_cell(CellKind kind, int nodes) {
  check_nodes(nodes);
  CellSpec cell{.kind = kind, .nodes = nodes};
  for (int to = 0; to < nodes; ++to) {
    for (int from = 0; from < node_id(to); ++from)
      add_edge(cell, from, to);
  }
  return cell;
}

}  // namespace ockham::nas
