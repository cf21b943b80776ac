#pragma once
// Which channels of a network can go with its function unchanged.
#include "nas/compression/channels/channel_graph.h"

namespace ockham::nas {

/// For each of graph.classes() whether it can go, by the weights as they are now: nothing that stays reads it (all
/// entries that read it are zero), or it is zero for every image (filter, bias, norm). What only channels read that can
/// go can go too. One channel stays wherever all could go.
/// @param multiple  as many more stay as make the number of filters of each layer a multiple of it, or all
/// @throws UsageError where nothing that stays leads from the images to the logits
std::vector<bool> removable(const ChannelGraph& graph, std::int64_t multiple = 1);

}  // namespace ockham::nas
