#pragma once
// A searched cell as an edge list: which inputs each node may read, before any operation is chosen. Both the 8-edge
// topology of the BayesNAS release and the complete DARTS graph are such lists.
//
// Ids of what an edge can read, everywhere in nas/ (they are DARTS's):
//   0 = c_{k-2}, the cell before the previous one, called "in1"
//   1 = c_{k-1}, the previous cell,                called "in0"   <- mind the crossing: in0 is the NEARER cell
//   2 + j = node j of this cell,                   called "nodej"
// An edge ends in a node, counted from 0: edge {from 1, to 3} is in0 -> node 3, named in0_3; {2, 3} is sel_0_3.
#include <string>
#include <vector>

namespace ockham::nas {

inline constexpr int kInputOlder = 0;     ///< id of c_{k-2}, "in1"
inline constexpr int kInputPrevious = 1;  ///< id of c_{k-1}, "in0"
inline constexpr int kInputs = 2;         ///< how many cell inputs there are
inline constexpr int kMaxNodes = 16;      ///< more than any published cell has; keeps hostile files small

/// The id of node j.
constexpr int node_id(int j) {
  return kInputs + j;
}
/// Does the id name a cell input, rather than a node?
constexpr bool is_input(int id) {
  return id < kInputs;
}

enum class CellKind { kNormal, kReduction };
/// "normal" or "reduce".
const char* kind_name(CellKind kind);

struct EdgeSpec {
  int from = 0;    ///< id, 0 ... to + 1
  int to = 0;      ///< node, 0 ... nodes - 1
  int stride = 1;  ///< 2 on the edges of a reduction cell that start at a cell input, else 1
  bool operator==(const EdgeSpec&) const = default;
};

/// Edges sorted by `to`, which is a topological order since from < node_id(to).
struct CellSpec {
  CellKind kind = CellKind::kNormal;
  int nodes = 0;
  std::vector<EdgeSpec> edges = {};
};

/// The stride that an edge of such a cell must have.
int edge_stride(CellKind kind, int from);
/// "in0", "in1", "node0", ...
std::string source_name(int id);
/// "in0_3", "sel_0_3": the names of the BayesNAS release.
std::string edge_name(int from, int to);

/// The topology that the BayesNAS release searches (BayesNAS/BayesNAS, search/, f55a71c). With 4 nodes
///   normal:    0 <- in0 in1;  1 <- in0 in1;   2 <- in0 in1;   3 <- in1 node0
///   reduction: 0 <- in0 in1;  1 <- in1 node0; 2 <- in1 node0; 3 <- in1 node0
/// and generalised here to any count: two edges a node; node 0 reads both inputs; in a normal cell the last node (of
/// two or more), in a reduction cell every later node, reads in1 and node 0; the other nodes read both inputs.
/// @param last_reads_previous  reproduces an oddity of the release: its normal search cell feeds the edge in1_3 with
///   in0, while the network that is then trained feeds it with in1. Positions in the edge list do not change, so a
///   faithful replica searches with this on and derives with it off.
/// @throws UsageError unless 1 <= nodes <= kMaxNodes
CellSpec bayesnas_cell(CellKind kind, int nodes = 4, bool last_reads_previous = false);

/// The complete graph of DARTS: node j reads both inputs and nodes 0 ... j-1, 14 edges with 4 nodes. Edges are in the
/// order of DARTS's alpha rows: node by node, ids ascending. Liu, Simonyan, Yang 2019, arXiv:1806.09055, section 2.1.
/// @throws UsageError unless 1 <= nodes <= kMaxNodes
CellSpec darts_cell(CellKind kind, int nodes = 4);

}  // namespace ockham::nas
