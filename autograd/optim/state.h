#pragma once
// Shared by the optimisers: reading a named state tensor back.
#include <map>
#include <string>

#include "engine/tensor.h"

namespace ockham {

/// A copy of state[name]. @throws CheckpointError if it is missing or is not of `like`'s shape and dtype
Tensor stored_like(const std::map<std::string, Tensor>& state, const std::string& name, const Tensor& like);

}  // namespace ockham
