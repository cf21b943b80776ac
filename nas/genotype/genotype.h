#pragma once
// A genotype: the cells that a search found, before any weight. The general form lets an edge carry several operations
// (they are summed), edges be missing and nodes be dead; the DARTS form (two edges a node, one operation each) is the
// special case that converts to DARTS text. See cell_spec.h for the ids of edges; published.h for cells by name.
#include <string>
#include <string_view>
#include <vector>

#include "nas/cell/cell_spec.h"
#include "nas/cell/primitive.h"

namespace ockham::nas {

/// One edge with the operations that were kept, summed with coefficient 1. No operation occurs twice on one edge, but
/// parallel edges are legal (DARTS text can express them): each is a term of its own with weights of its own.
struct GenotypeEdge {
  int from = 0;
  int to = 0;
  int stride = 1;
  std::vector<Primitive> ops = {};  ///< at least one
  bool operator==(const GenotypeEdge&) const = default;
};

/// One cell. A node without incoming edge is dead: nothing reads it and it is not in `concat`.
struct CellGenotype {
  CellKind kind = CellKind::kNormal;
  int nodes = 0;
  std::vector<GenotypeEdge> edges = {};  ///< by node; the order within a node is that of the source text
  std::vector<int> concat = {};          ///< nodes that form the output along the channel axis, ascending
  bool operator==(const CellGenotype&) const = default;
};

struct Genotype {
  std::string space = "bayesnas";  ///< "bayesnas" or "darts": whose networks and operation details are meant
  CellGenotype normal;
  CellGenotype reduce{.kind = CellKind::kReduction};
  bool operator==(const Genotype&) const = default;
};

/// How many operations a cell has, over all edges.
int count_ops(const CellGenotype& cell);

/// Checks every rule above: ranges, strides, order, dead nodes, equal node counts.
/// @throws UsageError naming the cell, the edge and the rule
void check(const Genotype& genotype);

/// Reads `genotype.json`:
///   {"format": 1, "space": "bayesnas", "nodes": 4, "concat": [0,1,2,3],
///    "normal": [{"from": "in0", "to": 0, "stride": 1, "ops": ["sep_conv_5x5"]}, ...], "reduce": [...]}
/// "in0" is the previous cell, "in1" the one before it. `concat` counts nodes from 0 and holds for both cells unless
/// "reduce_concat" is there too; "stride" may be left out.
/// @throws UsageError with line and column (malformed text) or the path of the value, like normal[3].ops[1]; duplicate
///   and unknown keys, and more than 1 MiB, are refused
Genotype parse_genotype_json(std::string_view text);
/// The same form, one edge a line; parse_genotype_json reads it back to an equal value.
std::string to_json(const Genotype& genotype);

/// Reads DARTS text: ``Genotype(normal=[('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=..., ...)``, two
/// pairs a node. Also reads what a log puts before it on its line (a time, `NAME =`), comments from '#' on, one nested
/// list a node (pt.darts; then any number of pairs), a weight after the id and the empty fields connectN and connects
/// (XAutoDL). The result has space "darts".
/// @throws UsageError with the column (and the line where there are several)
Genotype parse_darts(std::string_view text);
/// DARTS's own spelling, `range(a, b)` where the concat is contiguous.
/// @throws UsageError unless every node has exactly two edges with one operation each
std::string to_darts(const Genotype& genotype);
/// Can to_darts write it?
bool is_darts_like(const Genotype& genotype);

/// Reads aw_nas's text: `CNNGenotype(normal_0=[('sep_conv_3x3', from, to), ...], reduce_1=[...],
/// normal_0_concat=[2, 3, 4, 5], reduce_1_concat=...)`, ids as in DARTS text. The result has space "darts".
/// @throws UsageError with the column
Genotype parse_aw_nas(std::string_view text);
/// @throws UsageError where an edge has several operations, or nothing enters the last node
std::string to_aw_nas(const Genotype& genotype);

/// Reads NNI's JSON of a DARTS cell: of its model space, `{"normal/op_2_0": "sep_conv_3x3", "normal/input_2_0": 0,
/// ...}` with the older ids of nodes from 2 and two inputs a node; or of its DARTS example, `{"normal_n2_p0":
/// "sepconv3x3",
/// ..., "normal_n2_switch": [0, 1], ...}`. All nodes form the output.
/// @throws UsageError with line and column (malformed text) or the key
Genotype parse_nni(std::string_view text);
/// That of the model space. @throws UsageError unless two edges enter each node and all nodes form the output
std::string to_nni(const Genotype& genotype);

/// Any of these texts, told apart by how they begin.
Genotype parse_genotype(std::string_view text);

/// The text that `--genotype FILE|NAME|TEXT` means, whatever it holds; see load_genotype().
std::string genotype_text(const std::string& what);

/// What `--genotype FILE|NAME|TEXT` means: text if it holds a parenthesis or a brace, else a published name, else a
/// file (JSON or DARTS text, at most 1 MiB). A byte-order mark is no part of the text.
/// @throws UsageError if it is none of these, or malformed
Genotype load_genotype(const std::string& what);

}  // namespace ockham::nas
