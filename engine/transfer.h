#pragma once
// Values of the host into memory that a device has already, where Tensor::to() would take new memory: for what changes
// from step to step while a recorded step (backend.h) reads it where it was.
#include "engine/tensor.h"

namespace ockham {

/// y = x, element for element, whatever the device of y; x is in the host's memory. Waits until x may be changed again.
/// @throws ShapeError unless both are contiguous and of one spec, DeviceError if x is not in the host's memory
void transfer(const Tensor& x, Tensor& y);

}  // namespace ockham
