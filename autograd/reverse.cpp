#include "autograd/reverse.h"

#include "autograd/sweep.h"
#include "engine/allocator.h"
#include "engine/math.h"

namespace ockham {

namespace {

/// @throws ShapeError, Error if the loss is no number or not on a tape
Tape& tape_of(const Variable& loss) {
  if (loss.value().numel() != 1)
    throw ShapeError(concat("backward: the loss has shape ", loss.shape(), "; reduce it to one element first."));
  if (!loss.is_recorded())
    throw Error("backward: the loss depends on no parameter of a tape; build it from Tape::leaf variables.");
  return *loss.tape();
}

Tensor one_like(const Variable& loss) {
  return Tensor::full(with_directions(loss.shape(), 1), 1.0, loss.dtype(), loss.value().device());
}

}  // namespace

void backward(const Variable& loss, bool accumulate, bool keeps_saved) {
  Tape& tape = tape_of(loss);
  PullOptions options;
  options.frees_saved = !keeps_saved;
  for (auto& [node, cotangent] : pull_back(tape, loss.id(), one_like(loss), options)) {
    Parameter& parameter = *tape.nodes()[static_cast<std::size_t>(node)].parameter;
    const Shape& shape = parameter.value.shape();
    if (accumulate && parameter.grad) {
      axpy(1.0, cotangent.reshape(shape), parameter.grad);
      continue;
    }
    // A grad is changed in place, so it must not share its memory.
    const MemoryScope scope(MemoryClass::kGradients);
    parameter.grad = (cotangent.is_sole_owner() ? cotangent : cotangent.clone()).reshape(shape);
  }
}

std::vector<Tensor> gradients(const Variable& loss, std::span<Parameter* const> parameters) {
  Tape& tape = tape_of(loss);
  const std::vector<int> leaves = leaf_nodes(tape, parameters);
  const std::vector<char> active = dependents_of(tape, leaves);
  PullOptions options;
  options.active = &active;
  const std::map<int, Tensor> cotangents = pull_back(tape, loss.id(), one_like(loss), options);
  std::vector<Tensor> result;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    const Tensor& value = parameters[i]->value;
    const auto found = cotangents.find(leaves[i]);
    result.push_back(found == cotangents.end() ? Tensor::zeros(value.shape(), value.dtype(), value.device())
                                               : found->second.reshape(value.shape()));
  }
  return result;
}

}  // namespace ockham
