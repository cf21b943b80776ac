#pragma once
// The cells of NAS-Bench-201: four nodes, node i the sum over j < i of an operation on node j; five operations, six
// edges, 15,625 cells. Dong and Yang, ICLR 2020 (the topology space of NATS-Bench).
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace ockham::nas::nasbench201 {

/// In the order of the published code.
enum class Operation { kNone, kSkipConnect, kConv1, kConv3, kAvgPool3 };
inline constexpr std::int64_t kOperations = 5;
/// In the order of the string: 1<-0, 2<-0, 2<-1, 3<-0, 3<-1, 3<-2.
inline constexpr std::int64_t kEdges = 6;
inline constexpr std::int64_t kCells = 15625;

/// Source and target node of each edge.
struct EdgeEnds {
  int from, to;
};
inline constexpr std::array<EdgeEnds, kEdges> kEdgeEnds{{{0, 1}, {0, 2}, {1, 2}, {0, 3}, {1, 3}, {2, 3}}};

struct Cell {
  std::array<Operation, kEdges> edges{};
  friend bool operator==(const Cell&, const Cell&) = default;
};

std::string_view name_of(Operation operation);

/// "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|...", or the six digits of code().
/// @throws UsageError with the column and what was expected there
Cell parse_cell(std::string_view text);
std::string to_string(const Cell& cell);
/// One digit an edge, "333132".
std::string code(const Cell& cell);
/// What the digits of a code mean, for people: operations, order of the edges, and that other libraries number both
/// otherwise.
std::string meaning_of_digits();
/// Place in the order of the codes as numbers of base 5, 0 to 15,624. Not the index of the published benchmark.
std::int64_t number_of(const Cell& cell);
/// @throws UsageError outside 0 to 15,624
Cell cell_of(std::int64_t number);

/// Numbers for all operations of all edges, edge by edge.
inline constexpr std::int64_t kAlphas = kEdges * kOperations;
/// Each edge's operation of the largest of kAlphas numbers, the first of equals.
Cell largest(std::span<const double> alpha);

/// Does any path of edges other than none lead from the input to the output? 341 cells transmit nothing.
bool is_connected(const Cell& cell);

/// Of the network of 16, 32 and 64 channels, five cells each, with 3-channel images of 32x32: trainable numbers, batch
/// norm included.
std::int64_t parameter_count(const Cell& cell, std::int64_t classes = 10);
/// Multiply-accumulates of its convolutions and its classifier for one image.
std::int64_t mac_count(const Cell& cell, std::int64_t classes = 10);

}  // namespace ockham::nas::nasbench201
