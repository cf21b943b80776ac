// The text of trees, read strictly: every key known, every value of its type and within limits.
#include <algorithm>

#include "engine/strict_json.h"
#include "nas/spaces/proxyless/tree.h"

namespace ockham::nas::proxyless {
namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostBytes = std::size_t{1} << 20, kMostBlocks = 1000, kMostBranches = 16;
constexpr int kMostLevels = 12;
constexpr int kJsonLevels = 2 * kMostLevels + 4;  // a tree is three deep, a level of it an array and an object

template <class... Pieces>
[[noreturn]] void refuse(const Pieces&... pieces) {
  throw UsageError(concat("genotype of trees: ", pieces...));
}

void check_keys(const Json& object, const std::string& path, std::initializer_list<std::string_view> known) {
  if (!object.is_object())
    refuse(path, " is neither null nor an object.");
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) == known.end())
      refuse(path, " has the unknown key '", key.substr(0, 40), "'.");
  }
}

const Json& array_at(const Json& object, const std::string& path, const char* key, std::size_t most) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_array())
    refuse(path, " lacks the array '", key, "'.");
  if (found->empty() || found->size() > most)
    refuse(path, ".", key, " has ", found->size(), " entries; 1 to ", most, " are read.");
  return *found;
}

std::string text_at(const Json& object, const std::string& path, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || !found->is_string())
    refuse(path, " lacks the text '", key, "'.");
  return found->get<std::string>();
}

Operation read_operation(const Json& branch, const std::string& path) {
  const std::string name = text_at(branch, path, "op");
  std::string known;
  for (int i = 0; i <= static_cast<int>(Operation::kIdentity); ++i) {
    const auto operation = static_cast<Operation>(i);
    if (name == name_of(operation))
      return operation;
    known += concat(i == 0 ? "" : ", ", name_of(operation));
  }
  refuse(path, ".op is the unknown operation '", name.substr(0, 40), "'; known: ", known, ".");
}

Node read_node(const Json& value, const std::string& path, int level);

Branch read_branch(const Json& value, const std::string& path, int level) {
  if (value.is_null())
    return {};
  check_keys(value, path, {"op", "merge", "branches"});
  const bool has_node = value.contains("merge") || value.contains("branches");
  return {.operation = read_operation(value, path), .node = has_node ? read_node(value, path, level + 1) : Node{}};
}

Node read_node(const Json& value, const std::string& path, int level) {
  if (level > kMostLevels)
    refuse(path, " is deeper than ", kMostLevels, " levels.");
  const std::string merge = text_at(value, path, "merge");
  if (merge != "mean" && merge != "concat")
    refuse(path, ".merge is '", merge.substr(0, 40), "', must be mean or concat.");
  Node node{.merge = merge == "mean" ? Merge::kMean : Merge::kConcat, .branches = {}};
  for (const Json& branch : array_at(value, path, "branches", kMostBranches))
    node.branches.push_back(read_branch(branch, concat(path, ".branches[", node.branches.size(), "]"), level));
  if (std::ranges::none_of(node.branches, [](const Branch& branch) { return branch.operation.has_value(); }))
    refuse(path, " has no branch that is left; write null in its place.");
  return node;
}

Tree read_tree(const Json& value, const std::string& path) {
  if (value.is_null())
    return {};
  check_keys(value, path, {"merge", "branches"});
  return read_node(value, path, 1);
}

std::string node_json(const Node& node) {
  std::string text = concat("\"merge\": \"", node.merge == Merge::kMean ? "mean" : "concat", "\", \"branches\": [");
  for (std::size_t k = 0; k < node.branches.size(); ++k) {
    const Branch& branch = node.branches[k];
    text += k == 0 ? "" : ", ";
    if (branch.operation)
      text += concat("{\"op\": \"", name_of(*branch.operation), "\"",
                     branch.node.is_end() ? std::string() : ", " + node_json(branch.node), "}");
    else
      text += "null";
  }
  return text + "]";
}

}  // namespace

Genotype parse_genotype(std::string_view text) {
  const Json root =
      parse_strict_json<UsageError, Json>(text, "genotype of trees", {.bytes = kMostBytes, .depth = kJsonLevels});
  check_keys(root, "the text", {"format", "space", "groups"});
  if (root.value("format", Json()) != 1)
    refuse("'format' is not 1, the only one that is read.");
  if (const std::string space = text_at(root, "the text", "space"); space != "proxyless")
    refuse("'space' is '", space.substr(0, 40), "', must be proxyless.");
  Genotype genotype;
  for (const Json& group : array_at(root, "the text", "groups", kMostBlocks)) {
    const std::string path = concat("groups[", genotype.groups.size(), "]");
    if (!group.is_array() || group.empty())
      refuse(path, " is not an array of at least one tree.");
    std::vector<Tree>& trees = genotype.groups.emplace_back();
    for (const Json& tree : group)
      trees.push_back(read_tree(tree, concat(path, "[", trees.size(), "]")));
    if (trees.size() != genotype.groups.front().size())
      refuse(path, " has ", trees.size(), " trees, and groups[0] ", genotype.groups.front().size(),
             "; all groups have the same number.");
  }
  if (genotype.groups.size() * genotype.groups.front().size() > kMostBlocks)
    refuse("it has ", genotype.groups.size(), " groups of ", genotype.groups.front().size(), " trees; at most ",
           kMostBlocks, " trees are read.");
  return genotype;
}

std::string to_json(const Genotype& genotype) {
  std::string text = "{\n \"format\": 1,\n \"space\": \"proxyless\",\n \"groups\": [";
  for (std::size_t g = 0; g < genotype.groups.size(); ++g) {
    const std::vector<Tree>& trees = genotype.groups[g];
    text += g == 0 ? "\n  [" : ",\n  [";
    for (std::size_t b = 0; b < trees.size(); ++b)
      text += concat(b == 0 ? "\n   " : ",\n   ",
                     trees[b].is_end() ? std::string("null") : concat("{", node_json(trees[b]), "}"));
    text += "\n  ]";
  }
  return text + "\n ]\n}\n";
}

bool is_genotype_text(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' && text.find("\"proxyless\"") != std::string_view::npos;
}

}  // namespace ockham::nas::proxyless
