#pragma once
// Tree cells: a node hands its input to branches and merges what they give; a branch is an operation and, behind it, a
// node of its own or nothing. Cai et al. 2018, "Path-Level Network Transformation for Efficient Architecture Search"
// (arXiv:1806.02639); what is pruned of them, and that every block has a tree of its own, is ours.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ockham::nas::proxyless {

/// From C to C channels. Convolutions are BN, ReLU, convolution; kConv3 has two groups where they divide the channels.
/// kSep...: depthwise k x k and pointwise after one BN and ReLU. Pools have stride 1 and leave padding out of the mean.
enum class Operation : std::uint8_t { kConv3, kConv1, kSep3, kSep5, kSep7, kMaxPool3, kAvgPool3, kIdentity };
/// "conv_3x3", "conv_1x1", "sep_conv_3x3", ..., "max_pool_3x3", "avg_pool_3x3", "identity"
std::string_view name_of(Operation operation);

/// kMean: every branch reads the whole input; the output is their sum over their number. kConcat: every branch reads
/// and gives a part of the channels.
enum class Merge : std::uint8_t { kMean, kConcat };

struct Branch;

/// Without branches: an end, which gives what it reads.
struct Node {
  Merge merge = Merge::kMean;
  /// What is pruned keeps its place: a mean is over all places, and the channels of an empty one are zeros.
  std::vector<Branch> branches;  // no initialiser: Branch is incomplete here

  bool is_end() const { return branches.empty(); }
};

struct Branch {
  std::optional<Operation> operation = {};  ///< none: pruned, with all behind it
  Node node = {};
};

bool operator==(const Node& a, const Node& b);
bool operator==(const Branch& a, const Branch& b);

/// Of one block; an end: nothing is left of it, and the block is its shortcut.
using Tree = Node;

/// The cell of the paper's figure 5 (TreeCell-A): 15 operations, 7 nodes.
Tree tree_cell_a();
/// One 3x3 convolution: the block of the plain network.
Tree plain_tree();

/// A branch of a tree and what is before and behind it, by number.
struct Edge {
  Operation operation;
  std::string path;                     ///< places from the root: "0.1.0"
  std::size_t from = 0;                 ///< the node that it is a branch of
  std::size_t place = 0;                ///< among that node's branches
  std::optional<std::size_t> before{};  ///< the edge into that node; none: that is the root
  std::optional<std::size_t> to{};      ///< the node behind it; none: an end
};

struct InnerNode {
  Merge merge;
  std::string path;                   ///< of the edge into it; "root"
  std::optional<std::size_t> into{};  ///< the edge; none: the root
  std::vector<std::size_t> edges{};
};

/// The branches and the nodes that are no ends, each before those behind it; the root is node 0. Pruned branches have
/// no number.
struct Parts {
  std::vector<Edge> edges;
  std::vector<InnerNode> nodes;
};
Parts parts_of(const Tree& tree);

/// What is left of a tree: without branches that are not kept, those behind them, and those behind which no branch is
/// left. @param is_kept  by edge of parts_of()
Tree kept_of(const Tree& tree, const std::vector<bool>& is_kept);
/// Its inverse: by edge of the whole tree, is it in this one? Nothing where this one is not a part of it.
std::optional<std::vector<bool>> kept_edges(const Tree& whole, const Tree& part);

/// A network's trees: [group][block], as many blocks in every group.
struct Genotype {
  std::vector<std::vector<Tree>> groups;
  bool operator==(const Genotype&) const = default;
};

/// So many blocks with the same tree. @throws UsageError for sizes that are not positive, or above 1000 blocks
Genotype genotype_of(const Tree& tree, std::int64_t groups, std::int64_t blocks);

/// Reads
///   {"format": 1, "space": "proxyless", "groups": [[TREE, ...], ...]}
/// a TREE null (nothing is left) or {"merge": "mean", "branches": [BRANCH, ...]}, a BRANCH null (pruned) or
/// {"op": "conv_1x1"}, with "merge" and "branches" where there is a node behind it.
/// @throws UsageError with line and column (malformed text) or the path of the value; unknown keys, nodes without a
/// branch that is left, more than 1 MiB, 12 levels, 16 branches a node or 1000 blocks are refused
Genotype parse_genotype(std::string_view text);
/// The same form, a tree a line; parse_genotype reads it back to an equal value.
std::string to_json(const Genotype& genotype);
/// Is it meant to be such a text?
bool is_genotype_text(std::string_view text);

}  // namespace ockham::nas::proxyless
