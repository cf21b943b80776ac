#pragma once
// The held-out images of a driver as batches that a method keeps.
#include "nas/methods/method.h"

namespace ockham::nas {

/// The first `count` of them, or all where there are fewer, in that dtype.
Batch first_images(const HeldOut& held_out, std::int64_t count, DType dtype);

}  // namespace ockham::nas
