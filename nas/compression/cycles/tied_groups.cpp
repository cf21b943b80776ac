#include "nas/compression/cycles/tied_groups.h"

#include <algorithm>

#include "engine/error.h"

namespace ockham::nas {
namespace {

/// Place of a parameter of the graph among those that groups number; their count where it is none of them.
std::size_t place_of(const ChannelGraph& graph, std::size_t parameter, std::span<Parameter* const> parameters) {
  const auto it = std::ranges::find(parameters, graph.state()[parameter]);
  return static_cast<std::size_t>(it - parameters.begin());
}

/// By parameter: does it write a fixed channel, such as a logit?
std::vector<bool> writes_fixed(const ChannelGraph& graph, std::span<Parameter* const> parameters) {
  std::vector<bool> result(parameters.size() + 1);
  for (const ChannelClass& one : graph.classes()) {
    for (const ChannelSlice& slice : one.slices) {
      if (one.is_fixed && slice.axis == 0)
        result[place_of(graph, slice.parameter, parameters)] = true;
    }
  }
  return result;
}

}  // namespace

CompressionGroups tied_groups(const ChannelGraph& graph, std::span<Parameter* const> parameters) {
  std::vector<WeightGroup> writes, reads;
  for (const ChannelClass& one : graph.classes()) {
    if (one.is_fixed)
      continue;
    WeightGroup group[2] = {{.name = one.name, .runs = {}}, {.name = one.name, .runs = {}}};
    for (const ChannelSlice& slice : one.slices) {
      const std::size_t p = place_of(graph, slice.parameter, parameters);
      if (p < parameters.size())
        group[slice.axis].runs.push_back(slice_run(p, parameters[p]->value.shape(), slice.axis, slice.index));
    }
    writes.push_back(std::move(group[0]));
    reads.push_back(std::move(group[1]));
  }
  if (writes.empty())
    throw UsageError("tied groups: the network has no channel that could go; prune patterns of single weights.");
  CompressionGroups groups{.families = {}, .are_tied = true};
  groups.families.push_back({.family = GroupFamily("writes", writes)});
  groups.families.push_back({.family = GroupFamily("reads", reads)});
  return groups;
}

CompressionGroups pattern_groups(std::span<const Pattern> patterns, const ChannelGraph& graph,
                                 std::span<Parameter* const> parameters) {
  const std::vector<bool> is_output = writes_fixed(graph, parameters);
  CompressionGroups groups;
  for (const Pattern pattern : patterns) {
    const bool is_of_outputs = pattern == Pattern::kRow || pattern == Pattern::kFilter;
    std::vector<GroupSeries> family;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      const Shape& shape = parameters[p]->value.shape();
      if (fits(pattern, shape) && !(is_of_outputs && is_output[p]))
        std::ranges::move(series_of(pattern, p, parameters[p]->name, shape), std::back_inserter(family));
    }
    if (family.empty())
      throw UsageError(concat("pattern ", name_of(pattern), " fits no weight of this network that could go."));
    groups.families.push_back({.family = GroupFamily(std::string(name_of(pattern)), std::move(family))});
  }
  return groups;
}

}  // namespace ockham::nas
