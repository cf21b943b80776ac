#include "nas/cost.h"

#include <cmath>

#include "autograd/side_interfaces.h"

namespace ockham::nas {

std::int64_t count_macs(const Tape& tape) {
  double flops = 0.0;
  for (const Node& node : tape.nodes()) {
    const auto* counted = node.op != nullptr ? node.op->as<CountsFlops>() : nullptr;
    if (counted != nullptr)
      flops += counted->flops(node.input_specs);
  }
  return std::llround(flops / 2.0);
}

std::int64_t count_macs(const std::function<Variable(const Context&, const Variable&)>& forward, std::int64_t channels,
                        std::int64_t size, DType dtype, Device device) {
  Tape tape;
  forward({.tape = &tape}, Tensor::zeros({1, channels, size, size}, dtype, device));
  return count_macs(tape);
}

}  // namespace ockham::nas
