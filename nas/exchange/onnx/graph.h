#pragma once
// The ONNX graph of a traced pass while it is written, as the translation of one op sees it.
#include <unordered_map>
#include <unordered_set>

#include "autograd/trace.h"
#include "nas/exchange/onnx/model.h"

namespace ockham::nas::onnx {

class Graph {
 public:
  using Call = Trace::Call;

  /// @param calls  what the logits depend on, in order
  /// @param names  of parameters and buffers, by the address of their elements
  Graph(std::vector<const Call*> calls, const Tensor& images, std::unordered_map<const void*, std::string> names);

  /// Does the value depend on the images? Else it is a constant of the network.
  bool varies(const Tensor& value) const { return varying_.contains(address(value)); }
  /// The calls that read a value.
  std::vector<const Call*> readers(const Tensor& value) const;

  /// The name of a value; a constant becomes an initializer. @throws Error for a varying value that has no name yet
  std::string name(const Tensor& value);
  /// An initializer with a name of its own, or the one that has this name already.
  std::string constant(const std::string& wanted, const Tensor& value);
  /// A list of int64, as Slice, Pad and Reshape take their arguments.
  std::string integers(const std::vector<std::int64_t>& values);

  /// An operator; its output gets a name of its own, made of `stem`. @return that name
  std::string emit(std::string_view stem, std::string op_type, std::vector<std::string> inputs,
                   std::vector<Attribute> attributes = {});
  /// The operator whose output has this name; null for inputs and constants.
  Node* node(const std::string& output);
  /// Says which name the first result of a call has.
  void set_name(const Call& call, const std::string& name) { names_[address(call.y[0])] = name; }

  const std::vector<const Call*>& calls() const { return calls_; }
  /// Nodes and initializers, when all calls are translated. @param output, renamed: the name of the logits
  void move_to(Model& model, const std::string& output, const std::string& renamed);

  static const void* address(const Tensor& value) { return value.data<float>(); }

 private:
  std::vector<const Call*> calls_;
  std::unordered_set<const void*> varying_;
  std::unordered_map<const void*, std::string> names_;     // what a value is called in the graph
  std::unordered_map<const void*, std::string> wanted_;    // what an initializer of it would be called
  std::unordered_map<std::string, std::size_t> place_of_;  // of a node, by its output
  std::vector<Node> nodes_;
  std::vector<std::pair<std::string, Tensor>> initializers_;
  std::unordered_set<std::string> used_;
  std::unordered_map<std::string, int> count_of_;  // of outputs, by stem
};

/// Translates one call. @throws Error naming an op that has no translation
void translate(Graph& graph, const Graph::Call& call);

}  // namespace ockham::nas::onnx
