#pragma once
// The cells of NAS-Bench-1Shot1: those of NAS-Bench-101 in which every node has a fixed number of parents, which makes
// three spaces that a search network covers. Zela, Siems, Hutter, ICLR 2020; Ying et al., ICML 2019 for the cell: a
// node sums the maps of its parents, the cell's input through a projection, and applies its operation; the output joins
// its parents' channels and adds the input, projected, if that is a parent.
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace ockham::nas::nasbench1shot1 {

/// In the order of the published search network.
enum class Operation : std::uint8_t { kMaxPool3, kConv3, kConv1 };
inline constexpr std::size_t kOperations = 3;

/// NAS-Bench-101's limits: five nodes between the input and the output, nine edges.
inline constexpr std::size_t kMostNodes = 5, kMostVertices = kMostNodes + 2, kMostEdges = 9;

/// Vertex 0 is the cell's input, 1 to `nodes` are its nodes, nodes + 1 is its output. An edge leads from a lower to a
/// higher vertex; every vertex but the input has a parent.
struct Cell {
  std::size_t nodes = 0;
  std::array<Operation, kMostVertices> operations{};   ///< by vertex; those of input and output mean nothing
  std::array<std::uint32_t, kMostVertices> parents{};  ///< by vertex; bit j is set for a parent j

  std::size_t output() const { return nodes + 1; }
  bool has_edge(std::size_t from, std::size_t to) const { return (parents[to] >> from & 1u) != 0; }
  friend auto operator<=>(const Cell&, const Cell&) = default;
};

std::string_view name_of(Operation operation);

/// "conv3x3-bn-relu:0+maxpool3x3:0,1+output:1,2": the operation and the parents of node 1, of node 2, ..., of the
/// output.
/// @throws UsageError with the column, what was expected there and how to mend it
Cell parse_cell(std::string_view text);
std::string to_string(const Cell& cell);

/// As NAS-Bench-101 takes a cell: edges[from][to], upper triangular, and the label of each vertex. The nodes that a
/// cell lacks to five become vertices before the output without edges, labelled conv1x1-bn-relu, as in the published
/// program; the benchmark prunes them.
struct Matrix {
  std::array<std::array<int, kMostVertices>, kMostVertices> edges{};
  std::array<std::string_view, kMostVertices> labels{};
};
Matrix matrix_of(const Cell& cell);

/// Without the nodes that do not lead to the output ("loose ends"): what the benchmark looks up, and what is trained.
Cell pruned(const Cell& cell);
/// The same cell for all that differ by loose ends and by the order of their nodes only: two cells are one to the
/// benchmark exactly if these are equal.
Cell canonical(const Cell& cell);

/// Channels by vertex for an output of `channels`: divided among the output's parents, the first ones take the
/// remainder; every other node has as many as the widest that it feeds. Entry 0, the input, is 0.
/// @throws UsageError where the output has more parents than channels, or the cell has loose ends
std::array<std::int64_t, kMostVertices> vertex_channels(const Cell& cell, std::int64_t channels);

/// The first and second have four nodes, the third has five.
enum class Space { k1 = 1, k2, k3 };
/// @throws UsageError unless 1 <= number <= 3
Space space_of(std::int64_t number);
/// Number of parents of node 1, node 2, ..., the output. Nine in all.
std::span<const std::size_t> parent_counts(Space space);
std::size_t nodes_of(Space space);
/// Choices of parents: 180, 360, 5,400.
std::int64_t pattern_count(Space space);
/// Times three for each node: 14,580, 29,160, 1,312,200; 2,685, 7,773, 55,854 of them are different to the benchmark.
std::int64_t cell_count(Space space);
/// @throws UsageError outside 0 to cell_count() - 1
Cell cell_of(Space space, std::int64_t number);
/// How many numbers largest() takes: three an operation of a node, then one for each possible parent of the output,
/// then of each node that has a choice of parents. A search network's logits are in this order.
std::size_t number_count(Space space);
/// The first of those numbers of a node's operations, 1 <= node.
std::size_t operation_numbers(std::size_t node);
/// The first of those of a vertex's possible parents, which are the vertices before it in order; nothing where the
/// vertex takes them all.
std::optional<std::size_t> parent_numbers(Space space, std::size_t vertex);
/// Each node's operation of the largest number, and as many parents, of the largest, as the space gives it; the first
/// of equals.
Cell largest(Space space, std::span<const double> numbers);
/// Uniform over the space's cells; depends on (space, seed, index) only.
Cell random_cell(Space space, std::uint64_t seed, std::uint64_t index = 0);

}  // namespace ockham::nas::nasbench1shot1
