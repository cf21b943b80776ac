// NNI's JSON of a DARTS cell, in the two forms that it has (microsoft/nni: its model space,
// nni/nas/hub/pytorch/nasnet.py, and its example, examples/nas/oneshot/darts). One object, a key for each choice.
#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "engine/error.h"
#include "engine/strict_json.h"
#include "nas/genotype/genotype.h"
#include "nas/genotype/genotype_text.h"

namespace ockham::nas {
namespace {

using NniJson = nlohmann::ordered_json;

constexpr int kInputsOfNode = 2;

template <class... Pieces>
[[noreturn]] void refuse_nni(const Pieces&... pieces) {
  throw UsageError(concat("genotype (NNI): ", pieces...));
}

/// Operations of the example, whose names have no underscores, in its order: early versions export their places.
constexpr std::array<std::pair<std::string_view, Primitive>, 7> kExampleNames{{{"maxpool", Primitive::kMaxPool3},
                                                                               {"avgpool", Primitive::kAvgPool3},
                                                                               {"skipconnect", Primitive::kIdentity},
                                                                               {"sepconv3x3", Primitive::kSepConv3},
                                                                               {"sepconv5x5", Primitive::kSepConv5},
                                                                               {"dilconv3x3", Primitive::kDilConv3},
                                                                               {"dilconv5x5", Primitive::kDilConv5}}};

/// Nothing for "none" and for the empty list, which the example exports where an input is not taken.
std::optional<Primitive> operation_of(const std::string& key, const NniJson& value) {
  if (value.is_array() && value.empty())
    return std::nullopt;
  if (value.is_number_unsigned() && value.get<std::uint64_t>() < kExampleNames.size())
    return kExampleNames[value.get<std::size_t>()].second;
  if (!value.is_string())
    refuse_nni(key, " is ", value.dump().substr(0, 40), ", which is no operation.");
  const auto name = value.get<std::string>();
  if (name == "none")
    return std::nullopt;
  for (const auto& [known, primitive] : kExampleNames) {
    if (name == known)
      return primitive;
  }
  if (const auto primitive = find_primitive(name))
    return *primitive;
  refuse_nni(key, " is the unknown operation '", name.substr(0, 40), "'; known: ", known_primitives(), ".");
}

/// What a node at this id may read; a list of one from version 3 on.
int source_of(const std::string& key, const NniJson& value, int id) {
  const NniJson& number = value.is_array() && value.size() == 1 ? value[0] : value;
  if (!number.is_number_unsigned() || number.get<std::uint64_t>() >= static_cast<std::uint64_t>(id))
    refuse_nni(key, " is ", value.dump().substr(0, 40), ", must be 0 to ", id - 1, ".");
  return number.get<int>();
}

/// The choices of a text, each to be taken once.
class Choices {
 public:
  explicit Choices(std::string_view text)
      : root_(parse_strict_json<UsageError, NniJson>(text, "genotype (NNI)", {.bytes = kMaxGenotypeText, .depth = 3})) {
    if (!root_.is_object())
      refuse_nni("the text is no object.");
  }
  bool has(const std::string& key) const { return root_.contains(key); }
  const NniJson& take(const std::string& key) {
    const auto found = root_.find(key);
    if (found == root_.end())
      refuse_nni("the text lacks '", key, "'.");
    taken_.insert(key);
    return *found;
  }
  /// @throws UsageError for a key that is neither taken nor one of the network's sizes
  void require_all_taken() const {
    for (const auto& [key, value] : root_.items()) {
      if (!taken_.contains(key) && key != "width" && key != "depth")
        refuse_nni("the key '", key.substr(0, 40), "' is unknown here.");
    }
  }

 private:
  NniJson root_;
  std::set<std::string> taken_;
};

void add_edge(CellGenotype& cell, int from, int id, std::optional<Primitive> op) {
  if (op)
    cell.edges.push_back({.from = from, .to = id - kInputs, .stride = edge_stride(cell.kind, from), .ops = {*op}});
}

/// A Python dictionary, as NNI prints it and its sources write it, with the quotes of JSON.
std::string with_quotes_of_json(std::string_view text) {
  std::string result(text);
  if (result.find('"') == std::string::npos)
    std::ranges::replace(result, '\'', '"');
  return result;
}

/// The form of the model space: operation and input of each of two slots.
void read_slots(Choices& choices, CellGenotype& cell, int id) {
  for (int slot = 0; slot < kInputsOfNode; ++slot) {
    const std::string op = concat(kind_name(cell.kind), "/op_", id, '_', slot);
    const std::string input = concat(kind_name(cell.kind), "/input_", id, '_', slot);
    const std::optional<Primitive> primitive = operation_of(op, choices.take(op));
    add_edge(cell, source_of(input, choices.take(input), id), id, primitive);
  }
}

/// The form of the example: an operation of every possible input, and which inputs are taken.
void read_switch(Choices& choices, CellGenotype& cell, int id) {
  const std::string node = concat(kind_name(cell.kind), "_n", id);
  std::vector<std::optional<Primitive>> ops;
  for (int from = 0; from < id; ++from) {
    const std::string key = concat(node, "_p", from);
    ops.push_back(operation_of(key, choices.take(key)));
  }
  const std::string key = node + "_switch";
  const NniJson& taken = choices.take(key);
  if (!taken.is_array() || taken.size() != kInputsOfNode)
    refuse_nni(key, " is no list of ", kInputsOfNode, " inputs.");
  for (const NniJson& input : taken) {
    const std::string label = input.is_string() ? input.get<std::string>() : "";
    const bool is_label = label.starts_with(node + "_p");
    const std::string number = is_label ? label.substr(node.size() + 2) : "";
    if (is_label && (number.empty() || number.size() > 3 || number.find_first_not_of("0123456789") != number.npos))
      refuse_nni(key, " names '", label.substr(0, 40), "', which is no input of the node.");
    const int from = source_of(key, is_label ? NniJson(static_cast<unsigned>(std::stoi(number))) : input, id);
    add_edge(cell, from, id, ops[static_cast<std::size_t>(from)]);
  }
}

void read_cell(Choices& choices, CellGenotype& cell) {
  const std::string kind = kind_name(cell.kind);
  for (int id = kInputs; id < node_id(kMaxNodes); ++id) {
    const bool is_slots = choices.has(concat(kind, "/op_", id, "_0"));
    if (!is_slots && !choices.has(concat(kind, "_n", id, "_p0")))
      break;
    is_slots ? read_slots(choices, cell, id) : read_switch(choices, cell, id);
    cell.concat.push_back(cell.nodes++);
  }
}

}  // namespace

Genotype parse_nni(std::string_view text) {
  Choices choices(with_quotes_of_json(text));
  Genotype genotype;
  genotype.space = "darts";
  read_cell(choices, genotype.normal);
  read_cell(choices, genotype.reduce);
  choices.require_all_taken();
  check(genotype);
  return genotype;
}

std::string to_nni(const Genotype& genotype) {
  check(genotype);
  if (!is_darts_like(genotype))
    throw UsageError("genotype: NNI's JSON needs two edges a node with one operation each. Keep the JSON form.");
  NniJson root = NniJson::object();
  for (const CellGenotype* cell : {&genotype.normal, &genotype.reduce}) {
    if (static_cast<int>(cell->concat.size()) != cell->nodes)
      throw UsageError(concat("genotype: the output of the ", kind_name(cell->kind),
                              " cell leaves nodes out; in NNI's JSON all nodes form it. Keep the JSON form."));
    for (std::size_t i = 0; i < cell->edges.size(); ++i) {
      const GenotypeEdge& edge = cell->edges[i];
      const std::string place = concat('_', node_id(edge.to), '_', i % kInputsOfNode);
      root[concat(kind_name(cell->kind), "/op", place)] = darts_name(edge.ops.front());
      root[concat(kind_name(cell->kind), "/input", place)] = {edge.from};
    }
  }
  return root.dump(1) + "\n";
}

}  // namespace ockham::nas
