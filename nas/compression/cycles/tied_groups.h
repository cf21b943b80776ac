#pragma once
// Groups of a whole network for a Compressor: channels with all that belongs to them, or patterns of single tensors.
#include <vector>

#include "nas/compression/channels/channel_graph.h"
#include "nas/compression/cycles/compressor.h"
#include "nas/compression/groups/patterns.h"

namespace ockham::nas {

/// Two families, in both of which group i is of the i-th class of the graph that can go: "writes", the filters of a
/// channel with its biases and entries of norms, and "reads", what reads it in the next layers. They are tied (Zhou et
/// al. 2019, section 3.5: a filter and the next layer's channel depend on each other); each is estimated by itself.
/// @throws UsageError where no class can go
CompressionGroups tied_groups(const ChannelGraph& graph, std::span<Parameter* const> parameters);

/// A family for each pattern, without the filters and rows that write logits, which none can miss.
/// @throws UsageError for a pattern that fits no weight
CompressionGroups pattern_groups(std::span<const Pattern> patterns, const ChannelGraph& graph,
                                 std::span<Parameter* const> parameters);

}  // namespace ockham::nas
