#include "nas/nasbench1shot1/search_space.h"

#include "nas/nasbench1shot1/supernet.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

/// "input", "node 1", ... of the vertices before one.
std::vector<std::string> vertices_before(std::size_t vertex) {
  std::vector<std::string> names{"input"};
  for (std::size_t v = 1; v < vertex; ++v)
    names.push_back(concat("node ", v));
  return names;
}

}  // namespace

std::string SearchableSpace::name() const {
  return concat("1shot1-", static_cast<int>(space_));
}

OwnedNetwork SearchableSpace::make_supernet(Initial& initial) const {
  auto supernet = std::make_unique<Supernet>(space_, spec_, initial);
  const SearchNetwork network = supernet->search_network();
  return {.module = std::move(supernet), .network = network};
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
    if (parent_counts(space_)[v - 1] < v)
      result.push_back({.name = concat("parents of node ", v), .options = vertices_before(v)});
  }
  return result;
}

std::string SearchableSpace::derive(std::span<const double> numbers) const {
  return to_string(largest(space_, numbers));
}

CellFacts SearchableSpace::facts(const std::string& text) const {
  const Cell cell = parse_cell(text);
  const NetworkSpec benchmark{.classes = spec_.classes, .image_channels = spec_.image_channels};
  return {.parameters = parameter_count(cell, benchmark), .macs = mac_count(cell, benchmark)};
}

}  // namespace ockham::nas::nasbench1shot1
