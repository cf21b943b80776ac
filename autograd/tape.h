#pragma once
// Tape: the operations of one step as a flat list in execution order. Recording order is topological order, so nothing
// is sorted and nothing recurses; memory is freed node by node during the reverse sweep.
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "autograd/op.h"
#include "autograd/parameter.h"

namespace ockham {

class Tape;

/// Names one output of one node.
struct ValueId {
  int node = -1;  ///< -1: a constant, not on the tape
  int output = 0;
  friend bool operator==(const ValueId&, const ValueId&) = default;
};

/// A tensor that may be the result of a recorded op.
class Variable {
 public:
  Variable() = default;
  /// A constant: no gradient flows to it.
  Variable(Tensor value) : value_(std::move(value)) {}  // NOLINT: a tensor is a constant wherever one is wanted
  Variable(Tensor value, Tape& tape, ValueId id);

  const Tensor& value() const { return value_; }
  const Shape& shape() const { return value_.shape(); }
  DType dtype() const { return value_.dtype(); }
  Device device() const { return value_.device(); }
  bool is_recorded() const { return tape_ != nullptr; }
  Tape* tape() const { return tape_; }
  /// @throws Error if the tape was cleared since
  ValueId id() const;
  /// The same values as a constant.
  Variable detach() const { return Variable(value_); }

 private:
  Tensor value_;
  Tape* tape_ = nullptr;
  ValueId id_;
  std::uint64_t generation_ = 0;
};

struct Node {
  std::shared_ptr<const Op> op;  ///< null: a leaf
  Parameter* parameter = nullptr;
  std::vector<ValueId> inputs;
  std::vector<Spec> input_specs;
  std::vector<Spec> outputs;
  Saved saved;
  bool is_freed = false;  ///< a reverse sweep released `saved`

  /// @throws Error if is_freed: every sweep asks before it uses the node
  void require_saved() const;
};

class Tape {
 public:
  Tape() = default;
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  /// The leaf of a parameter; asking again gives the same node, so that sharing is visible. The parameter must outlive
  /// the tape's use of it.
  Variable leaf(Parameter& parameter);
  /// Appends a node whose op ran already.
  std::vector<Variable> append(std::shared_ptr<const Op> op, std::span<const Variable> inputs,
                               std::vector<Tensor> outputs, Saved saved);

  const std::vector<Node>& nodes() const { return nodes_; }
  std::vector<Node>& nodes() { return nodes_; }
  /// Bytes that Saved tensors hold (a tensor saved by two nodes counts twice).
  std::size_t saved_bytes() const;
  /// Forgets everything; variables of this step become unusable.
  void clear();
  std::uint64_t generation() const { return generation_; }

 private:
  std::vector<Node> nodes_;
  std::unordered_map<const Parameter*, int> leaves_;
  std::uint64_t generation_ = 1;
};

/// Runs `op`; records it if any input is recorded, so a net run on constants keeps nothing.
/// @throws ShapeError if it takes another number of inputs, ShapeError, DTypeError from infer; Error if inputs belong
/// to two tapes
std::vector<Variable> record(std::shared_ptr<const Op> op, std::span<const Variable> inputs);
/// For ops with one output.
Variable record_one(std::shared_ptr<const Op> op, std::span<const Variable> inputs);
inline Variable record_one(std::shared_ptr<const Op> op, std::initializer_list<Variable> inputs) {
  return record_one(std::move(op), std::span<const Variable>(inputs.begin(), inputs.size()));
}

}  // namespace ockham
