#pragma once
// Channels as pruning leaves them.
#include "nas/compression/channels/channel_graph.h"
#include "nas/compression/groups/weight_groups.h"
#include "tests/nas/networks.h"

namespace ockham::test {

/// Zeros all weights of a channel: what writes it, its entries of norms, what reads it.
inline void silence(const nas::ChannelClass& channel, const nas::ChannelGraph& graph) {
  for (const nas::ChannelSlice& slice : channel.slices) {
    Parameter& parameter = *graph.state()[slice.parameter];
    if (parameter.kind != ParameterKind::kWeight)
      continue;
    nas::for_each_entry({.name = {}, .runs = {nas::slice_run(0, parameter.value.shape(), slice.axis, slice.index)}},
                        [&](std::size_t, std::int64_t i) { write(parameter.value, i, 0.0); });
  }
}

}  // namespace ockham::test
