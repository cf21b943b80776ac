#include "nas/exchange/onnx/graph.h"

#include <algorithm>

namespace ockham::nas::onnx {

Graph::Graph(std::vector<const Call*> calls, const Tensor& images, std::unordered_map<const void*, std::string> names)
    : calls_(std::move(calls)), wanted_(std::move(names)) {
  varying_.insert(address(images));
  names_[address(images)] = "input";
  used_ = {"input", "logits"};
  for (const Call* call : calls_) {
    for (const Tensor& y : call->y)
      varying_.insert(address(y));
  }
}

std::vector<const Graph::Call*> Graph::readers(const Tensor& value) const {
  std::vector<const Call*> result;
  for (const Call* call : calls_) {
    if (std::ranges::any_of(call->x, [&](const Tensor& x) { return address(x) == address(value); }))
      result.push_back(call);
  }
  return result;
}

std::string Graph::name(const Tensor& value) {
  if (const auto known = names_.find(address(value)); known != names_.end())
    return known->second;
  if (varies(value))
    throw Error("onnx: a value is read before it is made; the pass was not traced from its start.");
  const auto wanted = wanted_.find(address(value));
  return constant(wanted == wanted_.end() ? "" : wanted->second, value);
}

std::string Graph::constant(const std::string& wanted, const Tensor& value) {
  std::string name = wanted;
  if (!name.empty() && used_.contains(name))
    return name;
  while (name.empty() || used_.contains(name))
    name = concat("constant_", count_of_["constant"]++);
  used_.insert(name);
  initializers_.emplace_back(name, value);
  return name;
}

std::string Graph::integers(const std::vector<std::int64_t>& values) {
  std::string name = "list";
  for (const std::int64_t value : values)
    name += concat('_', value);
  return constant(name, Tensor::from(std::span(values), {static_cast<std::int64_t>(values.size())}));
}

std::string Graph::emit(std::string_view stem, std::string op_type, std::vector<std::string> inputs,
                        std::vector<Attribute> attributes) {
  std::string output;
  do {
    output = concat(stem, '_', count_of_[std::string(stem)]++);
  } while (used_.contains(output));
  used_.insert(output);
  place_of_[output] = nodes_.size();
  nodes_.push_back({std::move(op_type), std::move(inputs), output, std::move(attributes)});
  return output;
}

Node* Graph::node(const std::string& output) {
  const auto place = place_of_.find(output);
  return place == place_of_.end() ? nullptr : &nodes_[place->second];
}

void Graph::move_to(Model& model, const std::string& output, const std::string& renamed) {
  for (Node& node : nodes_) {
    std::ranges::replace(node.inputs, output, renamed);
    if (node.output == output)
      node.output = renamed;
  }
  model.nodes = std::move(nodes_);
  model.initializers = std::move(initializers_);
}

}  // namespace ockham::nas::onnx
