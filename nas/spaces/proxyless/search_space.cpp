#include "nas/spaces/proxyless/search_space.h"

#include <algorithm>

#include "engine/error.h"
#include "nas/cost.h"

namespace ockham::nas::proxyless {
namespace {

OwnedNetwork owned_network(std::unique_ptr<Network> network) {
  Network& net = *network;
  return {.module = std::move(network),
          .network = {.module = &net,
                      .forward = [&net](const Context& c, const Variable& x) { return net.forward(c, x).logits; },
                      .architecture = net.parameters(ParameterKind::kSwitch),
                      .features = [&net](const Context& c, const Variable& x) { return net.features(c, x); }}};
}

std::int64_t count_skips(const Node& node) {
  std::int64_t count = 0;
  for (const Branch& branch : node.branches)
    count += (branch.operation == Operation::kIdentity) + count_skips(branch.node);
  return count;
}

}  // namespace

Space::Space(SpaceSpec spec) : spec_(std::move(spec)), parts_(parts_of(spec_.tree)) {
  Initial initial;
  Network(genotype_of({}, spec_.groups, spec_.blocks), spec_.network, initial);  // throws for sizes that do not fit
}

std::size_t Space::unit_of(std::size_t group, std::size_t block) const {
  if (spec_.sharing == Sharing::kAll)
    return 0;
  return spec_.sharing == Sharing::kGroup ? group : group * static_cast<std::size_t>(spec_.blocks) + block;
}

std::size_t Space::units() const {
  return unit_of(static_cast<std::size_t>(spec_.groups) - 1, static_cast<std::size_t>(spec_.blocks) - 1) + 1;
}

/// "block 2.0 ": of the second group the first, as parameters name them; empty where there is one unit.
std::string Space::unit_name(std::size_t unit) const {
  const auto blocks = static_cast<std::size_t>(spec_.blocks);
  if (spec_.sharing == Sharing::kAll)
    return "";
  return spec_.sharing == Sharing::kGroup ? concat("group ", unit + 1, ' ')
                                          : concat("block ", unit / blocks + 1, '.', unit % blocks, ' ');
}

/// Of a SwitchNetwork: the numbers of choices() in their order, none first, then the nodes'.
std::size_t Space::edge_group(std::size_t unit, std::size_t edge) const {
  return 2 * (unit * parts_.edges.size() + edge) + 1;
}

std::size_t Space::node_group(std::size_t unit, std::size_t node) const {
  return 2 * units() * parts_.edges.size() + unit * parts_.nodes.size() + node;
}

std::vector<Choice> Space::choices() const {
  std::vector<Choice> result;
  for (std::size_t unit = 0; unit < units(); ++unit) {
    for (const Edge& edge : parts_.edges)
      result.push_back({.name = concat(unit_name(unit), "branch ", edge.path),
                        .options = {"none", std::string(name_of(edge.operation))}});
  }
  return result;
}

Genotype Space::kept(const std::vector<std::vector<bool>>& is_kept) const {
  Genotype genotype = genotype_of(spec_.tree, spec_.groups, spec_.blocks);
  for (std::size_t g = 0; g < genotype.groups.size(); ++g) {
    for (std::size_t b = 0; b < genotype.groups[g].size(); ++b)
      genotype.groups[g][b] = kept_of(spec_.tree, is_kept[unit_of(g, b)]);
  }
  return genotype;
}

std::string Space::derive(std::span<const double> numbers) const {
  std::vector<std::vector<bool>> is_kept(units());
  for (std::size_t unit = 0; unit < units(); ++unit) {
    for (std::size_t e = 0; e < parts_.edges.size(); ++e) {
      const std::size_t group = edge_group(unit, e);
      is_kept[unit].push_back(numbers[group] > numbers[group - 1]);
    }
  }
  return to_json(kept(is_kept));
}

std::vector<double> Space::indicator(const std::string& cell) const {
  const Genotype genotype = parse_genotype(cell);
  const auto refuse = [&](const std::string& why) {
    throw UsageError(concat("cell: it is not of the space proxyless with ", spec_.groups, " groups of ", spec_.blocks,
                            " blocks and ", parts_.edges.size(), " branches in each: ", why, "; give one that is."));
  };
  if (std::ssize(genotype.groups) != spec_.groups || std::ssize(genotype.groups[0]) != spec_.blocks)
    refuse(concat("it has ", genotype.groups.size(), " groups of ", genotype.groups[0].size()));
  std::vector<double> numbers(count_options(*this));
  for (std::size_t g = 0; g < genotype.groups.size(); ++g) {
    for (std::size_t b = 0; b < genotype.groups[g].size(); ++b) {
      const std::optional<std::vector<bool>> is_kept = kept_edges(spec_.tree, genotype.groups[g][b]);
      if (!is_kept)
        refuse(concat("the tree of block ", g + 1, '.', b, " has other branches"));
      for (std::size_t e = 0; e < is_kept->size(); ++e)
        numbers[edge_group(unit_of(g, b), e) - ((*is_kept)[e] ? 0 : 1)] = 1.0;
    }
  }
  if (derive(numbers) != to_json(genotype))
    refuse("blocks that share their branches have different ones");
  return numbers;
}

OwnedNetwork Space::make_supernet(Initial&) const {
  throw UsageError(concat("space proxyless: its ", choices().size(),
                          " branches do not exclude each other, so that there "
                          "is no network of logits; search it by --method bayesnas, random, evolution or largest."));
}

OwnedNetwork Space::make_network(const std::string& cell, Initial& initial) const {
  return owned_network(std::make_unique<Network>(parse_genotype(cell), spec_.network, initial));
}

TrainedNetwork Space::make_trained(const std::string& cell, Initial& initial) const {
  return {.owned = make_network(cell, initial),
          .image_channels = spec_.network.image_channels,
          .image_size = spec_.network.image_size};
}

std::vector<std::pair<std::string, std::string>> Space::trained_options() const {
  return {{"channels", std::to_string(spec_.network.channels)}, {"widening", std::to_string(spec_.network.widening)}};
}

CellFacts Space::facts(const std::string& cell) const {
  Initial initial;
  const OwnedNetwork owned = make_network(cell, initial);
  CellFacts facts{.parameters = count_elements(owned.network.weights()),
                  .macs = count_macs(owned.network.forward, spec_.network.image_channels, spec_.network.image_size)};
  for (const std::vector<Tree>& group : parse_genotype(cell).groups) {
    for (const Tree& tree : group)
      facts.skips += count_skips(tree) + tree.is_end();
  }
  return facts;
}

std::vector<SwitchPlaces> Space::places_of(const Network& network) const {
  std::vector<SwitchPlaces> places = places_of_numbers(*this, {});
  places.resize(places.size() + units() * parts_.nodes.size());
  for (std::size_t unit = 0; unit < units(); ++unit) {
    for (std::size_t e = 0; e < parts_.edges.size(); ++e) {
      const Edge& edge = parts_.edges[e];
      SwitchGates& gates = places[edge_group(unit, e)].gates;
      gates.origin = node_group(unit, edge.from);
      if (edge.before)
        gates.before = {edge_group(unit, *edge.before)};
      if (edge.to) {
        for (const std::size_t behind : parts_.nodes[*edge.to].edges)
          gates.behind.push_back(edge_group(unit, behind));
      }
    }
    for (std::size_t n = 0; n < parts_.nodes.size(); ++n) {
      const InnerNode& node = parts_.nodes[n];
      SwitchPlaces& place = places[node_group(unit, n)];
      place.choice = concat(unit_name(unit), n == 0 ? "" : "node ", node.path);
      place.option = "origin";
      place.gates.is_origin = true;
      if (node.into)
        place.gates.before = {edge_group(unit, *node.into)};
    }
  }
  for (std::size_t block = 0; block < network.block_count(); ++block) {
    const auto blocks = static_cast<std::size_t>(spec_.blocks);
    const std::size_t unit = unit_of(block / blocks, block % blocks);
    const BlockSwitches& switches = network.switches(block);
    for (std::size_t e = 0; e < switches.edges.size(); ++e)
      places[edge_group(unit, e)].copies.push_back(switches.edges[e]);
    for (std::size_t n = 0; n < switches.nodes.size(); ++n)
      places[node_group(unit, n)].copies.push_back(switches.nodes[n]);
  }
  return places;
}

/// By unit and edge: has it more than the threshold, and the node that it is a branch of?
std::vector<std::vector<bool>> Space::kept_by(const GroupNumbers& numbers) const {
  const auto stays = [&](std::size_t group) { return numbers.values[group] > numbers.measure.threshold; };
  std::vector<std::vector<bool>> is_kept(units());
  for (std::size_t unit = 0; unit < units(); ++unit) {
    for (std::size_t e = 0; e < parts_.edges.size(); ++e)
      is_kept[unit].push_back(stays(edge_group(unit, e)) && stays(node_group(unit, parts_.edges[e].from)));
  }
  return is_kept;
}

std::string Space::derive_kept(const GroupNumbers& numbers) const {
  const Genotype genotype = kept(kept_by(numbers));
  const bool is_empty = std::ranges::all_of(
      genotype.groups, [](const std::vector<Tree>& group) { return std::ranges::all_of(group, &Tree::is_end); });
  if (is_empty)
    throw UsageError(concat("derive: lambda is too large: of the trees of ", spec_.groups * spec_.blocks,
                            " blocks nothing is left; the largest ", numbers.measure.name, " of ",
                            numbers.values.size(), " is ", std::ranges::max(numbers.values), ", those above ",
                            numbers.measure.threshold, " stay. Search again with a smaller lambda."));
  return to_json(genotype);
}

SwitchNetwork Space::make_switches(Initial& initial) const {
  auto network =
      std::make_unique<Network>(genotype_of(spec_.tree, spec_.groups, spec_.blocks), spec_.network, initial, true);
  Network& net = *network;
  SwitchNetwork result{.owned = owned_network(std::move(network)), .groups = places_of(net)};
  result.leave_out = [this, &net](const std::vector<bool>& is_pruned) {
    std::vector<double> numbers(is_pruned.size());
    std::ranges::transform(is_pruned, numbers.begin(), [](bool pruned) { return pruned ? 0.0 : 1.0; });
    const Genotype genotype = kept(kept_by({.values = numbers}));
    for (std::size_t block = 0; block < net.block_count(); ++block) {
      const auto blocks = static_cast<std::size_t>(spec_.blocks);
      net.keep(block, *kept_edges(spec_.tree, genotype.groups[block / blocks][block % blocks]));
    }
  };
  result.derive_kept = [this](const GroupNumbers& numbers) { return derive_kept(numbers); };
  return result;
}

}  // namespace ockham::nas::proxyless
