#include "nas/spaces/nasbench201/supernet.h"

namespace ockham::nas::nasbench201 {
namespace {

/// A node's: that is what one op reads.
std::vector<OptionBlock> blocks_of_a_cell() {
  std::vector<OptionBlock> blocks;
  for (std::int64_t node = 1; node <= 3; ++node)
    blocks.push_back({.name = concat(node), .rows = node, .columns = kOperations});
  return blocks;
}

}  // namespace

Supernet::Supernet(const SupernetSpec& spec, Initial& initial) {
  const std::vector<OptionBlock> all{{.name = "alphas", .rows = kEdges, .columns = kOperations}};
  const bool has_switches = spec.mixing == Mixing::kSwitches;
  if (!has_switches)
    mixers_.push_back(&add("", make_shared_mixer(spec.mixing, all, true, spec.gates, initial)));
  const auto make_cell = [&](std::int64_t channels) {
    if (has_switches)
      mixers_.push_back(
          &add(concat("switches.", mixers_.size()), std::make_unique<SwitchMixer>(blocks_of_a_cell(), initial)));
    return std::make_unique<MixedCell>(*mixers_.back(),
                                       MixedCellOptions{.channels = channels,
                                                        .is_affine = spec.network.is_affine,
                                                        .normalises_all = has_switches && spec.normalises_all},
                                       initial);
  };
  skeleton_ = &add("", std::make_unique<Skeleton>(spec.network, initial, make_cell));
  groups_ = mixers_.front()->groups([this](std::int64_t option) {
    return kernels_of(*this, concat(".edges.", option / kOperations, '.', option % kOperations, '.'));
  });
}

Variable Supernet::forward(const Context& context, const Variable& images) {
  for (Mixer* mixer : mixers_)
    mixer->begin(context);
  Variable logits = skeleton_->forward(context, images);
  for (Mixer* mixer : mixers_)
    mixer->end();
  return logits;
}

}  // namespace ockham::nas::nasbench201
