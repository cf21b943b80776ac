#include "nas/spaces/nasbench201/search_space.h"

#include <algorithm>

namespace ockham::nas::nasbench201 {
namespace {

/// Of all operations but none on the edges into a node.
std::vector<std::size_t> numbers_into(int node) {
  std::vector<std::size_t> numbers;
  for (std::size_t i = 0; i < kAlphas; ++i) {
    if (kEdgeEnds[i / kOperations].to == node && i % kOperations != 0)
      numbers.push_back(i);
  }
  return numbers;
}

}  // namespace

std::unique_ptr<Supernet> Space::search_network(Mixing mixing, const GateOptions& gates, Initial& initial) const {
  SupernetSpec spec{.network = spec_, .mixing = mixing, .normalises_all = normalises_all_, .gates = gates};
  spec.network.is_affine = false;
  return std::make_unique<Supernet>(spec, initial);
}

OwnedNetwork Space::make_supernet(Initial& initial) const {
  auto supernet = search_network(Mixing::kSoftmax, {}, initial);
  std::vector<Parameter*> logits = supernet->architecture();
  return owned(std::move(supernet), std::move(logits));
}

SwitchNetwork Space::make_switches(Initial& initial) const {
  auto supernet = search_network(Mixing::kSwitches, {}, initial);
  const std::vector<Parameter*> switches = supernet->architecture();
  SwitchNetwork result{.owned = owned(std::move(supernet), switches), .groups = places_of_numbers(*this, switches)};
  for (std::size_t i = 0; i < kAlphas; ++i) {
    if (i % kOperations == 0)
      result.groups[i].copies.clear();  // none
    result.groups[i].gates.before = numbers_into(kEdgeEnds[i / kOperations].from);
  }
  return result;
}

OwnedGatedNetwork Space::make_gated(const GateOptions& options, Initial& initial) const {
  return owned_gated(search_network(Mixing::kGates, options, initial));
}

OwnedNetwork Space::make_network(const std::string& cell, Initial& initial) const {
  return owned(std::make_unique<Network>(parse_cell(cell), spec_, initial));
}

std::vector<Choice> Space::choices() const {
  std::vector<Choice> result;
  for (const EdgeEnds& edge : kEdgeEnds) {
    Choice choice{.name = concat(edge.to, "<-", edge.from), .options = {}};
    for (int o = 0; o < kOperations; ++o)
      choice.options.emplace_back(name_of(static_cast<Operation>(o)));
    result.push_back(std::move(choice));
  }
  return result;
}

std::string Space::derive(std::span<const double> numbers) const {
  return to_string(largest(numbers));
}

std::vector<double> Space::indicator(const std::string& text) const {
  std::vector<double> numbers(kAlphas);
  std::size_t begin = 0;
  for (const Operation operation : parse_cell(text).edges) {
    numbers[begin + static_cast<std::size_t>(operation)] = 1.0;
    begin += kOperations;
  }
  return numbers;
}

CellFacts Space::facts(const std::string& text) const {
  const Cell cell = parse_cell(text);
  return {.parameters = parameter_count(cell, spec_.classes),
          .macs = mac_count(cell, spec_.classes),
          .skips = std::ranges::count(cell.edges, Operation::kSkipConnect),
          .is_connected = is_connected(cell)};
}

TrainedNetwork Space::make_trained(const std::string& cell, Initial& initial) const {
  return {.owned = owned(std::make_unique<Network>(parse_cell(cell), NetworkSpec{.classes = spec_.classes}, initial))};
}

}  // namespace ockham::nas::nasbench201
