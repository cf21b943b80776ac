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

Removals fewest_removals(std::size_t most, double budget, std::string_view unit,
                         const std::function<double(std::size_t)>& cost) {
  if (const double whole = cost(0); whole <= budget)
    return {.count = 0, .cost = whole};
  Removals enough{.count = most, .cost = cost(most)};
  require_within(budget, most, enough.cost, unit);
  std::size_t too_few = 0;
  while (enough.count - too_few > 1) {
    const std::size_t middle = too_few + (enough.count - too_few) / 2;
    const double left = cost(middle);
    if (left <= budget)
      enough = {.count = middle, .cost = left};
    else
      too_few = middle;
  }
  return enough;
}

void require_within(double budget, std::size_t most, double least, std::string_view unit) {
  if (!(least <= budget))
    throw UsageError(concat("budget: with all ", most, " groups removed, but for the last of each layer, ", least, " ",
                            unit, " are left, more than the budget of ", budget,
                            "; allow more, or choose patterns that hold more weights."));
}

}  // namespace ockham::nas
