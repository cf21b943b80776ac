#pragma once
// Parameters: the named leaves that training changes, and the buffers saved with them.
#include <string>

#include "engine/tensor.h"

namespace ockham {

/// kWeight: trained with weight decay. kSwitch: an architecture switch, never decayed. kBuffer: state without a
/// gradient (running statistics).
enum class ParameterKind { kWeight, kSwitch, kBuffer };

struct Parameter {
  std::string name;  ///< full path in its network, PyTorch style: "cells.0.preprocess0.op.1.weight"
  Tensor value;
  Tensor grad = {};  ///< same shape as value after a reverse sweep; undefined before
  ParameterKind kind = ParameterKind::kWeight;
};

}  // namespace ockham
