#pragma once
// Networks whose channels were removed, as JSON beside the description of the whole network: how wide each tensor is
// now, and what layers count themselves.
#include <functional>
#include <nlohmann/json.hpp>

#include "nas/layers/layer.h"
#include "nas/network/frame.h"

namespace ockham::nas {

/// What belongs under "narrowed" of the description of a network that has been narrowed. @param whole  how many
/// elements parameters and buffers had before
nlohmann::ordered_json channels_json(Module& module, std::int64_t whole);

/// Makes a whole network as narrow as channels_json() says; its tensors are zeros then.
/// @throws CheckpointError for tensors that it does not have, or not so wide, and counts that its layers cannot have
void narrow(Module& module, const nlohmann::ordered_json& channels);

/// What a network takes before it is narrowed, in bytes of float32 elements.
/// @throws CheckpointError if it is no number, or beyond 1 GiB
std::size_t removed_bytes(const nlohmann::ordered_json& channels);

/// Runs an image of zeros. @throws CheckpointError if the widths do not fit one another
void require_fitting(const std::function<void(const Tensor& images)>& forward, const FrameSpec& frame, DType dtype,
                     Device device);

}  // namespace ockham::nas
