#include "autograd/tape.h"

#include "autograd/narrow.h"
#include "autograd/profile.h"
#include "autograd/trace.h"

namespace ockham {

Variable::Variable(Tensor value, Tape& tape, ValueId id)
    : value_(std::move(value)), tape_(&tape), id_(id), generation_(tape.generation()) {}

ValueId Variable::id() const {
  if (tape_ != nullptr && generation_ != tape_->generation())
    throw Error(concat("variable: belongs to a finished step (tape generation ", generation_, ", now ",
                       tape_->generation(), "); keep its value() or run the step again."));
  return tape_ ? id_ : ValueId{};
}

void Node::require_saved() const {
  if (is_freed)
    throw Error(concat("tape: what ", op->name(),
                       " saved was freed by an earlier reverse sweep; pass keeps_saved = true to that backward, or "
                       "record the step again."));
}

Variable Tape::leaf(Parameter& parameter) {
  const auto [it, is_new] = leaves_.try_emplace(&parameter, static_cast<int>(nodes_.size()));
  if (is_new) {
    Node node;
    node.parameter = &parameter;
    node.outputs = {parameter.value.spec()};
    nodes_.push_back(std::move(node));
  }
  return Variable(parameter.value, *this, {it->second, 0});
}

std::vector<Variable> Tape::append(std::shared_ptr<const Op> op, std::span<const Variable> inputs,
                                   std::vector<Tensor> outputs, Saved saved) {
  Node node;
  node.op = std::move(op);
  for (const Variable& x : inputs) {
    node.inputs.push_back(x.id());
    node.input_specs.push_back(x.value().spec());
  }
  const int index = static_cast<int>(nodes_.size());
  std::vector<Variable> result;
  for (Tensor& y : outputs) {
    node.outputs.push_back(y.spec());
    result.emplace_back(std::move(y), *this, ValueId{index, static_cast<int>(result.size())});
  }
  node.saved = std::move(saved);
  nodes_.push_back(std::move(node));
  return result;
}

std::size_t Tape::saved_bytes() const {
  std::size_t total = 0;
  for (const Node& node : nodes_) {
    for (const Tensor& t : node.saved.tensors)
      total += storage_bytes(t);
  }
  return total;
}

void Tape::clear() {
  nodes_.clear();
  leaves_.clear();
  ++generation_;
}

std::vector<Variable> record(std::shared_ptr<const Op> op, std::span<const Variable> inputs) {
  Tape* tape = nullptr;
  std::vector<Tensor> x;
  std::vector<Spec> specs;
  for (const Variable& input : inputs) {
    if (input.is_recorded()) {
      if (tape != nullptr && tape != input.tape())
        throw Error(concat(op->name(), ": its inputs belong to two tapes; build one step on one tape."));
      tape = input.tape();
    }
    x.push_back(input.value().contiguous());
    specs.push_back(x.back().spec());
  }
  std::vector<Tensor> y;
  Saved saved;
  profiled([&] { y = forward_of(*op, x, specs, saved); },
           [&] { return describe_call("forward", *op, specs, 1, defined_bytes(x) + defined_bytes(y), 1.0); });
  if (Trace* trace = Trace::current())
    trace->add({op, x, y});
  if (tape != nullptr)
    return tape->append(std::move(op), inputs, std::move(y), std::move(saved));
  return std::vector<Variable>(std::make_move_iterator(y.begin()), std::make_move_iterator(y.end()));
}

Variable record_one(std::shared_ptr<const Op> op, std::span<const Variable> inputs) {
  return record(std::move(op), inputs).front();
}

}  // namespace ockham
