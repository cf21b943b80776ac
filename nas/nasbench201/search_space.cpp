#include "nas/nasbench201/search_space.h"

#include <algorithm>

#include "nas/nasbench201/supernet.h"

namespace ockham::nas::nasbench201 {

NetworkSpec Space::search_spec() const {
  NetworkSpec spec = spec_;
  spec.is_affine = false;
  return spec;
}

OwnedNetwork Space::make_supernet(Initial& initial) const {
  auto supernet = std::make_unique<Supernet>(search_spec(), initial);
  Supernet& net = *supernet;
  return {.module = std::move(supernet),
          .network = {.module = &net,
                      .forward = [&net](const Context& context, const Variable& x) { return net.forward(context, x); },
                      .architecture = {&net.logits()}}};
}

OwnedNetwork Space::make_network(const std::string& cell, Initial& initial) const {
  auto network = std::make_unique<Network>(parse_cell(cell), spec_, initial);
  Network& net = *network;
  return {.module = std::move(network),
          .network = {.module = &net,
                      .forward = [&net](const Context& c, const Variable& x) { return net.forward(c, x); },
                      .features = [&net](const Context& c, const Variable& x) { return net.features(c, x); }}};
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

CellFacts Space::facts(const std::string& text) const {
  const Cell cell = parse_cell(text);
  return {.parameters = parameter_count(cell, spec_.classes),
          .macs = mac_count(cell, spec_.classes),
          .skips = std::ranges::count(cell.edges, Operation::kSkipConnect),
          .is_connected = is_connected(cell)};
}

}  // namespace ockham::nas::nasbench201
