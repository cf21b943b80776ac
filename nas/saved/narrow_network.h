#pragma once
// Networks whose channels were removed, as JSON beside the description of the whole network: how wide each tensor is
// now, and what layers count themselves.
#include <functional>
#include <nlohmann/json.hpp>

#include "nas/layers/layer.h"
#include "nas/network/frame.h"

namespace ockham::nas {

/// What belongs under "narrowed" of the description of a network that has lost channels.
nlohmann::ordered_json narrowed_json(Module& module);

/// Makes a whole network as narrow as narrowed_json() says; tensors that shrink are zeros then.
/// @throws CheckpointError for tensors that it does not have, or not so wide, and counts that its layers cannot have
void narrow(Module& module, const nlohmann::ordered_json& narrowed);

/// Runs an image of zeros. @throws CheckpointError if the widths do not fit one another
void require_fitting(const std::function<void(const Tensor& images)>& forward, const FrameSpec& frame, DType dtype,
                     Device device);

}  // namespace ockham::nas
