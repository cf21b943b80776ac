#include "nas/spaces/nasbench1shot1/search_space.h"

#include <numeric>

namespace ockham::nas::nasbench1shot1 {
namespace {

/// "input", "node 1", ... of the vertices before one.
std::vector<std::string> vertices_before(std::size_t vertex) {
  std::vector<std::string> names{"input"};
  for (std::size_t v = 1; v < vertex; ++v)
    names.push_back(concat("node ", v));
  return names;
}

std::vector<std::size_t> numbers_from(std::size_t first, std::size_t count) {
  std::vector<std::size_t> numbers(count);
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

/// The numbers before each number.
std::vector<std::vector<std::size_t>> numbers_before(Space space) {
  std::vector<std::vector<std::size_t>> before(number_count(space));
  for (std::size_t v = 1; v <= nodes_of(space) + 1; ++v) {
    const std::optional<std::size_t> parents = parent_numbers(space, v);
    if (!parents)
      continue;
    for (std::size_t j = 1; j < v; ++j)
      before[*parents + j] = numbers_from(operation_numbers(j), kOperations);
    for (std::size_t o = 0; o < kOperations && v <= nodes_of(space); ++o)
      before[operation_numbers(v) + o] = numbers_from(*parents, v);
  }
  return before;
}

}  // namespace

std::string SearchableSpace::name() const {
  return concat("1shot1-", static_cast<int>(space_));
}

std::unique_ptr<Supernet> SearchableSpace::search_network(Mixing mixing, const GateOptions& gates,
                                                          Initial& initial) const {
  return std::make_unique<Supernet>(SupernetSpec{.space = space_, .network = spec_, .mixing = mixing, .gates = gates},
                                    initial);
}

OwnedNetwork SearchableSpace::make_supernet(Initial& initial) const {
  auto supernet = search_network(Mixing::kSoftmax, {}, initial);
  std::vector<Parameter*> logits = supernet->architecture();
  return owned(std::move(supernet), std::move(logits));
}

SwitchNetwork SearchableSpace::make_switches(Initial& initial) const {
  auto supernet = search_network(Mixing::kSwitches, {}, initial);
  const std::vector<Parameter*> switches = supernet->architecture();
  SwitchNetwork result{.owned = owned(std::move(supernet), switches), .groups = places_of_numbers(*this, switches)};
  const std::vector<std::vector<std::size_t>> before = numbers_before(space_);
  for (std::size_t i = 0; i < before.size(); ++i)
    result.groups[i].gates.before = before[i];
  return result;
}

OwnedGatedNetwork SearchableSpace::make_gated(const GateOptions& options, Initial& initial) const {
  return owned_gated(search_network(Mixing::kGates, options, initial));
}

OwnedNetwork SearchableSpace::make_network(const std::string& cell, Initial& initial) const {
  return owned(std::make_unique<Network>(parse_cell(cell), spec_, initial));
}

std::vector<Choice> SearchableSpace::choices() const {
  std::vector<Choice> result;
  const std::size_t nodes = nodes_of(space_);
  for (std::size_t v = 1; v <= nodes; ++v) {
    Choice choice{.name = concat("node ", v), .options = {}};
    for (std::size_t o = 0; o < kOperations; ++o)
      choice.options.emplace_back(name_of(static_cast<Operation>(o)));
    result.push_back(std::move(choice));
  }
  result.push_back({.name = "parents of output", .options = vertices_before(nodes + 1)});
  for (std::size_t v = 1; v <= nodes; ++v) {
    if (parent_numbers(space_, v))
      result.push_back({.name = concat("parents of node ", v), .options = vertices_before(v)});
  }
  return result;
}

std::string SearchableSpace::derive(std::span<const double> numbers) const {
  return to_string(largest(space_, numbers));
}

std::vector<double> SearchableSpace::indicator(const std::string& text) const {
  const Cell cell = parse_cell(text);
  std::vector<double> numbers(number_count(space_));
  for (std::size_t v = 1; v <= nodes_of(space_) + 1; ++v) {
    if (v <= nodes_of(space_))
      numbers[operation_numbers(v) + static_cast<std::size_t>(cell.operations[v])] = 1.0;
    for (std::size_t from = 0; from < v && parent_numbers(space_, v); ++from)
      numbers[*parent_numbers(space_, v) + from] = cell.has_edge(from, v) ? 1.0 : 0.0;
  }
  // What is not of the space was lost on the way.
  if (largest(space_, numbers) != cell) {
    std::string counts;
    for (const std::size_t parents : parent_counts(space_))
      counts += concat(counts.empty() ? "" : ", ", parents);
    throw UsageError(concat("cell: it has ", cell.nodes, " nodes and is not of the space ", name(), ", whose ",
                            nodes_of(space_), " nodes and output have ", counts,
                            " parents; give a cell of that form."));
  }
  return numbers;
}

CellFacts SearchableSpace::facts(const std::string& text) const {
  const Cell cell = parse_cell(text);
  const NetworkSpec benchmark{.classes = spec_.classes, .image_channels = spec_.image_channels};
  return {.parameters = parameter_count(cell, benchmark), .macs = mac_count(cell, benchmark)};
}

}  // namespace ockham::nas::nasbench1shot1
