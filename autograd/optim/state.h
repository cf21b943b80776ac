#pragma once
// Shared by the optimisers: reading a named state tensor back, and what a profile is told of an update.
#include <map>
#include <string>

#include "autograd/parameter.h"
#include "autograd/profile.h"

namespace ockham {

/// A copy of state[name]. @throws CheckpointError if it is missing or is not of `like`'s shape and dtype
Tensor stored_like(const std::map<std::string, Tensor>& state, const std::string& name, const Tensor& like);

/// An update of the parameters that have a grad, which reads or writes `arrays` arrays of each one's size.
ProfiledCall update_call(std::string_view name, std::span<Parameter* const> parameters, double arrays);

}  // namespace ockham
