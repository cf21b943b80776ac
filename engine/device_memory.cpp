#include "engine/device_memory.h"

#include "engine/backend.h"

namespace ockham {

AllocatorStatistics memory_statistics(Device device) {
  return device.is_cpu() ? CachingAllocator::instance().statistics() : backend_of(device).statistics(device.index);
}

void reset_memory_peak(Device device) {
  device.is_cpu() ? CachingAllocator::instance().reset_peak() : backend_of(device).reset_peak(device.index);
}

void drop_memory_cache(Device device) {
  device.is_cpu() ? CachingAllocator::instance().drop_cache() : backend_of(device).drop_cache(device.index);
}

std::size_t set_memory_limit(Device device, std::size_t bytes) {
  return device.is_cpu() ? CachingAllocator::instance().set_limit(bytes)
                         : backend_of(device).set_memory_limit(device.index, bytes);
}

}  // namespace ockham
