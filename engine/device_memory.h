#pragma once
// What allocators tell of the memory of any device.
#include "engine/allocator.h"
#include "engine/device.h"

namespace ockham {

AllocatorStatistics memory_statistics(Device device);
/// Peaks count from here on.
void reset_memory_peak(Device device);
/// Gives back what an allocator keeps for later requests.
void drop_memory_cache(Device device);

}  // namespace ockham
