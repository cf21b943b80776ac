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
/// Refuses requests that would take bytes_in_use past the limit, by a UsageError; 0 lifts it. @return the limit before
std::size_t set_memory_limit(Device device, std::size_t bytes);

}  // namespace ockham
