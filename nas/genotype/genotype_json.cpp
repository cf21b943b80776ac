// genotype.json, read strictly: every key known, no key twice, every value of its type and range.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/strict_json.h"
#include "nas/genotype/genotype.h"
#include "nas/genotype/genotype_text.h"

namespace ockham::nas {
namespace {

using Json = nlohmann::json;

template <class... Pieces>
[[noreturn]] void refuse_json(const Pieces&... pieces) {
  throw UsageError(concat("genotype.json: ", pieces...));
}

Json parse_strictly(std::string_view text) {
  return parse_strict_json<UsageError, Json>(text, "genotype.json", {.bytes = kMaxGenotypeText, .depth = 8});
}

/// An object member, or a refusal that names its path.
const Json& member(const Json& object, const std::string& path, const char* key) {
  const auto found = object.find(key);
  if (found == object.end())
    refuse_json(path.empty() ? "the text" : path, " lacks '", key, "'.");
  return *found;
}

void check_keys(const Json& object, const std::string& path, std::initializer_list<std::string_view> known) {
  if (!object.is_object())
    refuse_json(path.empty() ? "the text" : path, " is not an object.");
  for (const auto& [key, value] : object.items()) {
    if (std::find(known.begin(), known.end(), key) == known.end())
      refuse_json(path.empty() ? "the text" : path, " has the unknown key '", key.substr(0, 40), "'.");
  }
}

int read_int(const Json& value, const std::string& path, int low, int high) {
  if (!value.is_number_integer())
    refuse_json(path, " is not an integer.");
  const bool in_range = value.is_number_unsigned() ? value.get<std::uint64_t>() <= static_cast<std::uint64_t>(high)
                                                   : value.get<std::int64_t>() >= low;
  if (!in_range || value.get<std::int64_t>() < low)
    refuse_json(path, " is ", value.dump(), ", must be ", low, " to ", high, ".");
  return value.get<int>();
}

std::string read_string(const Json& value, const std::string& path) {
  if (!value.is_string())
    refuse_json(path, " is not a string.");
  return value.get<std::string>();
}

const Json& read_array(const Json& value, const std::string& path) {
  if (!value.is_array())
    refuse_json(path, " is not an array.");
  return value;
}

int read_source(const Json& value, const std::string& path, int nodes) {
  const std::string name = read_string(value, path);
  for (int id = 0; id < node_id(nodes); ++id) {
    if (name == source_name(id))
      return id;
  }
  refuse_json(path, " is '", name.substr(0, 40), "', must be in0, in1 or node0 to node", nodes - 1, ".");
}

std::vector<Primitive> read_ops(const Json& value, const std::string& path) {
  std::vector<Primitive> ops;
  for (const Json& item : read_array(value, path)) {
    const std::string here = concat(path, "[", ops.size(), "]");
    const std::string name = read_string(item, here);
    const auto op = find_primitive(name);
    if (!op)
      refuse_json(here, " is the unknown operation '", name.substr(0, 40), "'; known: ", known_primitives(), ".");
    ops.push_back(*op);
  }
  return ops;
}

CellGenotype read_cell(const Json& value, const std::string& path, CellKind kind, int nodes) {
  CellGenotype cell{.kind = kind, .nodes = nodes};
  for (const Json& item : read_array(value, path)) {
    const std::string here = concat(path, "[", cell.edges.size(), "]");
    check_keys(item, here, {"from", "to", "stride", "ops"});
    GenotypeEdge edge;
    edge.from = read_source(member(item, here, "from"), here + ".from", nodes);
    edge.to = read_int(member(item, here, "to"), here + ".to", 0, nodes - 1);
    edge.stride =
        item.contains("stride") ? read_int(item["stride"], here + ".stride", 1, 2) : edge_stride(kind, edge.from);
    edge.ops = read_ops(member(item, here, "ops"), here + ".ops");
    cell.edges.push_back(std::move(edge));
  }
  std::stable_sort(cell.edges.begin(), cell.edges.end(),
                   [](const GenotypeEdge& a, const GenotypeEdge& b) { return a.to < b.to; });
  return cell;
}

std::vector<int> read_concat(const Json& value, const std::string& path, int nodes) {
  std::vector<int> concat_nodes;
  for (const Json& item : read_array(value, path))
    concat_nodes.push_back(read_int(item, concat(path, "[", concat_nodes.size(), "]"), 0, nodes - 1));
  return concat_nodes;
}

std::string edges_json(const CellGenotype& cell) {
  std::string text = "[";
  for (const GenotypeEdge& edge : cell.edges) {
    text += concat(text.size() > 1 ? ",\n" : "\n", "  {\"from\": \"", source_name(edge.from), "\", \"to\": ", edge.to,
                   ", \"stride\": ", edge.stride, ", \"ops\": [");
    for (std::size_t i = 0; i < edge.ops.size(); ++i)
      text += concat(i ? ", \"" : "\"", primitive_name(edge.ops[i]), "\"");
    text += "]}";
  }
  return text + "\n ]";
}

std::string concat_json(const std::vector<int>& nodes) {
  return Json(nodes).dump();
}

}  // namespace

Genotype parse_genotype_json(std::string_view text) {
  const Json root = parse_strictly(text);
  check_keys(root, "", {"format", "space", "nodes", "concat", "reduce_concat", "normal", "reduce"});
  read_int(member(root, "", "format"), "format", 1, 1);
  Genotype genotype;
  genotype.space = read_string(member(root, "", "space"), "space");
  const int nodes = read_int(member(root, "", "nodes"), "nodes", 1, kMaxNodes);
  genotype.normal = read_cell(member(root, "", "normal"), "normal", CellKind::kNormal, nodes);
  genotype.reduce = read_cell(member(root, "", "reduce"), "reduce", CellKind::kReduction, nodes);
  genotype.normal.concat = read_concat(member(root, "", "concat"), "concat", nodes);
  genotype.reduce.concat = root.contains("reduce_concat") ? read_concat(root["reduce_concat"], "reduce_concat", nodes)
                                                          : genotype.normal.concat;
  check(genotype);
  return genotype;
}

std::string to_json(const Genotype& genotype) {
  check(genotype);
  std::string reduce_concat;
  if (genotype.reduce.concat != genotype.normal.concat)
    reduce_concat = concat(" \"reduce_concat\": ", concat_json(genotype.reduce.concat), ",\n");
  return concat("{\n \"format\": 1,\n \"space\": \"", genotype.space, "\",\n \"nodes\": ", genotype.normal.nodes,
                ",\n \"concat\": ", concat_json(genotype.normal.concat), ",\n", reduce_concat,
                " \"normal\": ", edges_json(genotype.normal), ",\n \"reduce\": ", edges_json(genotype.reduce), "\n}\n");
}

}  // namespace ockham::nas
