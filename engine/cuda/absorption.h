#pragma once
// Small kernels of a recorded step become part of the one before them.
#include <vector>

#include "engine/cuda/recording.h"

namespace ockham::cuda {

/// The tasks, in an order that keeps what waits; those that a registered kernel could take in (launch.h) are part of
/// the task that took them. One takes another that waits for it, unless something in between would have to wait for the
/// first and be waited for by the second.
std::vector<Task> with_absorbed(std::vector<Task> tasks);

}  // namespace ockham::cuda
