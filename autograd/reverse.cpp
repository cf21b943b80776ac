#include "autograd/reverse.h"

#include "autograd/sweep.h"
#include "engine/allocator.h"
#include "engine/math.h"

namespace ockham {

void backward(const Variable& loss, bool accumulate, bool keeps_saved) {
  if (loss.value().numel() != 1)
    throw ShapeError(concat("backward: the loss has shape ", loss.shape(), "; reduce it to one element first."));
  if (!loss.is_recorded())
    throw Error("backward: the loss depends on no parameter of a tape; build it from Tape::leaf variables.");
  Tape& tape = *loss.tape();
  PullOptions options;
  options.frees_saved = !keeps_saved;
  Tensor seed = Tensor::full(with_directions(loss.shape(), 1), 1.0, loss.dtype(), loss.value().device());
  for (auto& [node, cotangent] : pull_back(tape, loss.id(), std::move(seed), options)) {
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

}  // namespace ockham
