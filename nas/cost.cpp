#include "nas/cost.h"

#include <algorithm>
#include <array>
#include <chrono>
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

double latency_ms(const std::function<Variable(const Context&, const Variable&)>& forward, const Tensor& images) {
  const auto pass = [&] {
    const auto start = std::chrono::steady_clock::now();
    forward({}, images).value().to(Device{});
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  };
  pass();
  std::array<double, 7> times{};
  std::ranges::generate(times, pass);
  std::ranges::nth_element(times, times.begin() + times.size() / 2);
  return times[times.size() / 2];
}

}  // namespace ockham::nas
