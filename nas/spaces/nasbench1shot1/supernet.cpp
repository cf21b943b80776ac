#include "nas/spaces/nasbench1shot1/supernet.h"

namespace ockham::nas::nasbench1shot1 {
namespace {

constexpr auto kColumns = static_cast<std::int64_t>(kOperations);

/// A row a choice.
std::vector<OptionBlock> blocks_of_choices(Space space) {
  const auto nodes = static_cast<std::int64_t>(nodes_of(space));
  std::vector<OptionBlock> blocks{{.name = "alphas_mixed_op", .rows = nodes, .columns = kColumns},
                                  {.name = "alphas_output", .columns = nodes + 1}};
  for (std::int64_t v = 1; v <= nodes; ++v) {
    if (parent_numbers(space, static_cast<std::size_t>(v)))
      blocks.push_back({.name = concat("alphas_inputs.", v), .columns = v});
  }
  return blocks;
}

/// What one op reads: a node's operations, a part of the output, a node's parents. Named by their first number.
std::vector<OptionBlock> blocks_of_a_cell(Space space) {
  std::vector<OptionBlock> blocks;
  std::int64_t number = 0;
  const auto add = [&](std::int64_t count) {
    blocks.push_back({.name = concat(number), .columns = count});
    number += count;
  };
  const auto nodes = static_cast<std::int64_t>(nodes_of(space));
  for (std::int64_t v = 1; v <= nodes; ++v)
    add(kColumns);
  for (std::int64_t part = 0; part <= nodes; ++part)
    add(1);
  for (std::int64_t v = 1; v <= nodes; ++v) {
    if (parent_numbers(space, static_cast<std::size_t>(v)))
      add(v);
  }
  return blocks;
}

/// Of the operation with that number in all cells; a parent has none.
std::vector<Parameter*> kernels_of_number(Module& network, Space space, std::int64_t number) {
  const auto i = static_cast<std::size_t>(number);
  if (i >= nodes_of(space) * kOperations)
    return {};
  return kernels_of(network, concat(".operations.", i / kOperations + 1, '.', i % kOperations, '.'));
}

}  // namespace

Supernet::Supernet(const SupernetSpec& spec, Initial& initial) {
  const bool has_switches = spec.mixing == Mixing::kSwitches;
  if (!has_switches)
    mixers_.push_back(
        &add("", make_shared_mixer(spec.mixing, blocks_of_choices(spec.space), false, spec.gates, initial)));
  const auto make_cell = [&](std::int64_t in, std::int64_t channels) {
    if (has_switches)
      mixers_.push_back(&add(concat("switches.", mixers_.size()),
                             std::make_unique<SwitchMixer>(blocks_of_a_cell(spec.space), initial)));
    return std::make_unique<MixedCell>(*mixers_.back(), spec.space, in, channels, initial);
  };
  skeleton_ = &add("", std::make_unique<Skeleton>(spec.space, spec.network, initial, make_cell));
  groups_ = mixers_.front()->groups(
      [this, space = spec.space](std::int64_t number) { return kernels_of_number(*this, space, number); });
}

Variable Supernet::forward(const Context& context, const Variable& images) {
  for (Mixer* mixer : mixers_)
    mixer->begin(context);
  Variable logits = skeleton_->forward(context, images);
  for (Mixer* mixer : mixers_)
    mixer->end();
  return logits;
}

}  // namespace ockham::nas::nasbench1shot1
