#include "nas/compression/ranking/budget.h"

#include <algorithm>

#include "autograd/side_interfaces.h"
#include "engine/error.h"

namespace ockham::nas {

std::vector<std::size_t> removal_order(const Ranking& ranking) {
  std::vector<std::size_t> order;
  for (std::size_t g = 0; g < ranking.score.size(); ++g) {
    if (ranking.members[g] > 0)
      order.push_back(g);
  }
  std::ranges::stable_sort(order, {}, [&](std::size_t g) { return ranking.score[g]; });
  return order;
}

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

std::vector<double> costs_along(const GroupFamily& family, const Masks& masks, std::span<const std::size_t> order,
                                std::span<const double> per_entry) {
  double left = 0.0;
  for (std::size_t p = 0; p < per_entry.size(); ++p)
    left += per_entry[p] * static_cast<double>(masks.kept_entries(p));
  std::vector<double> of_group(family.size());
  for_each_member(family, [&](std::size_t p, std::size_t i, std::size_t g) {
    of_group[g] += masks.is_kept(p, i) ? per_entry[p] : 0.0;
  });
  std::vector<double> costs{left};
  for (std::size_t g : order)
    costs.push_back(left -= of_group[g]);
  return costs;
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
