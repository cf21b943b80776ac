#include "nas/compression/ranking/budget.h"

#include <algorithm>

#include "autograd/side_interfaces.h"
#include "engine/error.h"

namespace ockham::nas {

std::vector<double> macs_per_entry(const Tape& tape, std::span<Parameter* const> parameters) {
  std::vector<double> result(parameters.size());
  for (const Node& node : tape.nodes()) {
    const auto* counted = node.op != nullptr ? node.op->as<CountsFlops>() : nullptr;
    if (counted == nullptr || node.inputs.size() < 2 || node.inputs[1].node < 0)
      continue;
    const Parameter* weight = tape.nodes()[static_cast<std::size_t>(node.inputs[1].node)].parameter;
    const auto it = std::ranges::find(parameters, weight);
    if (weight != nullptr && it != parameters.end())
      result[static_cast<std::size_t>(it - parameters.begin())] +=
          counted->flops(node.input_specs) / 2.0 / static_cast<double>(weight->value.numel());
  }
  return result;
}

std::size_t fewest_removals(std::size_t most, double budget, const std::function<double(std::size_t)>& cost) {
  if (const double least = cost(most); !(least <= budget))
    throw UsageError(concat("budget: with all ", most, " groups removed ", least, " are left, more than the budget of ",
                            budget, "; allow more, or choose patterns that hold more weights."));
  std::size_t too_few = 0, enough = most;
  if (cost(0) <= budget)
    return 0;
  while (enough - too_few > 1) {
    const std::size_t middle = too_few + (enough - too_few) / 2;
    (cost(middle) <= budget ? enough : too_few) = middle;
  }
  return enough;
}

}  // namespace ockham::nas
