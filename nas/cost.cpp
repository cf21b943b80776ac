#include "nas/cost.h"

namespace ockham::nas {

std::int64_t count_macs(const Tape& tape) {
  std::int64_t total = 0;
  for (const Node& node : tape.nodes()) {
    if (node.op == nullptr || (node.op->name() != "conv2d" && node.op->name() != "linear"))
      continue;
    const Shape& w = node.input_specs[1].shape;  // [K, C/groups, R, S] or [O, I]: one output costs numel / K
    total += node.outputs[0].shape.numel() * (w.numel() / w[0]);
  }
  return total;
}

std::int64_t count_macs(const std::function<Variable(const Context&, const Variable&)>& forward, std::int64_t channels,
                        std::int64_t size) {
  Tape tape;
  forward({.tape = &tape}, Tensor::zeros({1, channels, size, size}));
  return count_macs(tape);
}

}  // namespace ockham::nas
