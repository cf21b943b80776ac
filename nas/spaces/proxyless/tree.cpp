#include "nas/spaces/proxyless/tree.h"

#include <algorithm>
#include <array>

#include "engine/error.h"

namespace ockham::nas::proxyless {
namespace {

constexpr std::array<std::string_view, 8> kNames{"conv_3x3",     "conv_1x1",     "sep_conv_3x3", "sep_conv_5x5",
                                                 "sep_conv_7x7", "max_pool_3x3", "avg_pool_3x3", "identity"};

Branch leaf(Operation operation) {
  return {.operation = operation};
}

void add_branches(const Node& node, std::size_t number, const std::string& path, std::optional<std::size_t> before,
                  Parts& parts) {
  for (std::size_t k = 0; k < node.branches.size(); ++k) {
    const Branch& branch = node.branches[k];
    if (!branch.operation)
      continue;
    const std::size_t edge = parts.edges.size();
    const std::string here = concat(path, path.empty() ? "" : ".", k);
    parts.edges.push_back({.operation = *branch.operation, .path = here, .from = number, .place = k, .before = before});
    parts.nodes[number].edges.push_back(edge);
    if (branch.node.is_end())
      continue;
    const std::size_t to = parts.nodes.size();
    parts.edges[edge].to = to;
    parts.nodes.push_back({.merge = branch.node.merge, .path = here, .into = edge});
    add_branches(branch.node, to, here, edge, parts);
  }
}

/// @param next  the number of the node's first edge; then that behind its last
Node kept_node(const Node& node, const std::vector<bool>& is_kept, std::size_t& next) {
  Node result{.merge = node.merge, .branches = {}};
  bool is_empty = true;
  for (const Branch& branch : node.branches) {
    Branch& left = result.branches.emplace_back();
    if (!branch.operation)
      continue;
    const bool stays = is_kept.at(next++);
    Node behind = branch.node.is_end() ? Node{} : kept_node(branch.node, is_kept, next);
    if (!stays || (behind.is_end() && !branch.node.is_end()))
      continue;
    left = {.operation = branch.operation, .node = std::move(behind)};
    is_empty = false;
  }
  return is_empty ? Node{} : result;
}

void mark(const Node& whole, const Node* part, std::vector<bool>& is_kept) {
  for (std::size_t k = 0; k < whole.branches.size(); ++k) {
    if (!whole.branches[k].operation)
      continue;
    const Branch* left = part != nullptr && k < part->branches.size() ? &part->branches[k] : nullptr;
    if (left != nullptr && !left->operation)
      left = nullptr;
    is_kept.push_back(left != nullptr);
    mark(whole.branches[k].node, left != nullptr ? &left->node : nullptr, is_kept);
  }
}

}  // namespace

std::string_view name_of(Operation operation) {
  return kNames[static_cast<std::size_t>(operation)];
}

bool operator==(const Node& a, const Node& b) {
  return a.branches == b.branches && (a.merge == b.merge || a.is_end());
}

bool operator==(const Branch& a, const Branch& b) {
  return a.operation == b.operation && a.node == b.node;
}

Tree tree_cell_a() {
  using enum Operation;
  const auto node = [](std::vector<Branch> branches) { return Node{.branches = std::move(branches)}; };
  const Branch first{.operation = kConv1,
                     .node = {.merge = Merge::kConcat, .branches = {leaf(kAvgPool3), leaf(kSep7)}}};
  const Branch second{.operation = kMaxPool3, .node = node({leaf(kSep3), leaf(kSep5)})};
  const Branch third{.operation = kSep5, .node = node({leaf(kSep5), leaf(kAvgPool3), leaf(kAvgPool3)})};
  const Branch fourth{.operation = kSep3, .node = node({leaf(kAvgPool3), leaf(kSep3)})};
  return node(
      {{.operation = kConv3, .node = node({first, second})}, {.operation = kConv3, .node = node({third, fourth})}});
}

Tree plain_tree() {
  return {.branches = {leaf(Operation::kConv3)}};
}

Parts parts_of(const Tree& tree) {
  Parts parts;
  parts.nodes.push_back({.merge = tree.merge, .path = "root"});
  add_branches(tree, 0, "", std::nullopt, parts);
  return parts;
}

Tree kept_of(const Tree& tree, const std::vector<bool>& is_kept) {
  std::size_t next = 0;
  return kept_node(tree, is_kept, next);
}

std::optional<std::vector<bool>> kept_edges(const Tree& whole, const Tree& part) {
  std::vector<bool> is_kept;
  mark(whole, &part, is_kept);
  // What is not of the whole tree was lost on the way.
  return kept_of(whole, is_kept) == part ? std::optional(is_kept) : std::nullopt;
}

Genotype genotype_of(const Tree& tree, std::int64_t groups, std::int64_t blocks) {
  constexpr std::int64_t kMost = 1000;
  if (groups < 1 || blocks < 1 || groups > kMost || blocks > kMost / groups)
    throw UsageError(concat("proxyless: a network of ", groups, " groups of ", blocks,
                            " blocks; both must be positive, ", "and together there are at most ", kMost, " blocks."));
  const std::vector<Tree> group(static_cast<std::size_t>(blocks), tree);
  return {.groups = std::vector(static_cast<std::size_t>(groups), group)};
}

}  // namespace ockham::nas::proxyless
