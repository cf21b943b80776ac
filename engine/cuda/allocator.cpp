#include "engine/cuda/allocator.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "engine/error.h"

namespace ockham::cuda {
namespace {

constexpr std::size_t kAlignment = 256;
constexpr std::size_t kChunk = std::size_t{64} << 20;  // asked of the driver at once, at least

std::size_t rounded(std::size_t bytes) {
  return std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

/// null: the driver has no more.
std::byte* from_driver(std::size_t size) {
  void* memory = nullptr;
  if (cudaMalloc(&memory, size) != cudaSuccess) {
    cudaGetLastError();  // which would be reported again by the next call
    return nullptr;
  }
  return static_cast<std::byte*>(memory);
}

}  // namespace

DeviceAllocator::DeviceAllocator() : is_caching_(std::getenv("OCKHAM_NO_CACHE") == nullptr) {}

void* DeviceAllocator::allocate(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const std::size_t size = is_caching_ ? rounded(bytes) : std::max<std::size_t>(1, bytes);
  std::byte* const block = recorded_ ? take_recorded(size) : take(size);
  if (block == nullptr) {
    std::size_t free = 0;
    std::size_t total = 0;
    cudaMemGetInfo(&free, &total);
    throw Error(concat("cuda memory: the device of ", total, " bytes has ", free, " left and cannot give ", size,
                       " with ", statistics_.bytes_in_use, " in use and a peak of ", statistics_.peak_bytes,
                       "; lower --batch-size or --channels."));
  }
  const MemoryClass memory_class = MemoryScope::current();
  blocks_[block] = {size, memory_class, recorded_};
  ++statistics_.allocations;
  statistics_.bytes_in_use += size;
  statistics_.in_use[static_cast<std::size_t>(memory_class)] += size;
  if (statistics_.bytes_in_use > statistics_.peak_bytes) {
    statistics_.peak_bytes = statistics_.bytes_in_use;
    statistics_.peak = statistics_.in_use;
  }
  return block;
}

void DeviceAllocator::require_room(std::size_t size) const {
  if (passes_limit(size))
    throw UsageError(concat("cuda memory: ", size, " bytes were asked for with ", statistics_.bytes_in_use,
                            " in use and ", retired_, " kept for recorded steps, which passes the limit of ", limit_,
                            "; raise --memory-limit or lower --batch-size."));
}

bool DeviceAllocator::passes_limit(std::size_t size) const {
  return limit_ != 0 && statistics_.bytes_in_use + retired_ + size > limit_;
}

std::byte* DeviceAllocator::take(std::size_t size) {
  require_room(size);
  if (!is_caching_) {
    ++statistics_.system_allocations;
    return from_driver(size);
  }
  std::byte* block = free_.take(size);
  if (block == nullptr && grow(size))
    block = free_.take(size);
  return block;
}

std::byte* DeviceAllocator::take_recorded(std::size_t size) {
  if (recorded_->bytes_ + size > recorded_->budget_ || passes_limit(size)) {
    if (std::byte* const block = take_retired(size))
      return block;
  }
  std::byte* const block = take(size);
  if (block == nullptr)
    return take_retired(size);
  recorded_->bytes_ += size;
  recorded_->blocks_.emplace_back(block, size);
  return block;
}

std::byte* DeviceAllocator::take_retired(std::size_t size) {
  std::byte* const block = recorded_->retired_.take(size);
  if (block != nullptr)
    retired_ -= size;
  return block;
}

bool DeviceAllocator::grow(std::size_t size) {
  ++statistics_.system_allocations;
  std::size_t chunk = std::max(size, kChunk);
  std::byte* memory = from_driver(chunk);
  if (memory == nullptr && chunk > size) {
    chunk = size;
    memory = from_driver(chunk);
  }
  if (memory == nullptr)
    return false;
  chunks_.emplace_back(memory, chunk);
  free_.insert(memory, chunk);
  return true;
}

void DeviceAllocator::release(void* block) noexcept {
  const std::lock_guard lock(mutex_);
  const auto it = blocks_.find(static_cast<std::byte*>(block));
  const Block released = it->second;
  blocks_.erase(it);
  statistics_.bytes_in_use -= released.size;
  statistics_.in_use[static_cast<std::size_t>(released.memory_class)] -= released.size;
  if (released.recorded != nullptr) {
    released.recorded->retired_.insert(static_cast<std::byte*>(block), released.size);
    retired_ += released.size;
  } else if (is_caching_)
    free_.insert(static_cast<std::byte*>(block), released.size);
  else
    cudaFree(block);
}

RecordedMemory* DeviceAllocator::set_recorded(RecordedMemory* memory) {
  const std::lock_guard lock(mutex_);
  return std::exchange(recorded_, memory);
}

void DeviceAllocator::forget(RecordedMemory& memory) {
  const std::lock_guard lock(mutex_);
  for (auto& [block, held] : blocks_) {
    if (held.recorded == &memory)
      held.recorded = nullptr;
  }
  for (const auto& [begin, size] : memory.retired_.by_address()) {
    if (is_caching_)
      free_.insert(begin, size);
  }
  retired_ -= memory.retired_.bytes();
  if (!is_caching_) {
    for (const auto& [block, size] : memory.blocks_) {
      if (!blocks_.contains(block))
        cudaFree(block);
    }
  }
  memory.retired_.clear();
  memory.blocks_.clear();
  memory.bytes_ = 0;
}

AllocatorStatistics DeviceAllocator::statistics() const {
  const std::lock_guard lock(mutex_);
  AllocatorStatistics result = statistics_;
  result.bytes_cached = free_.bytes();
  return result;
}

void DeviceAllocator::reset_peak() {
  const std::lock_guard lock(mutex_);
  statistics_.peak_bytes = statistics_.bytes_in_use;
  statistics_.peak = statistics_.in_use;
}

void DeviceAllocator::drop_cache() {
  const std::lock_guard lock(mutex_);
  std::erase_if(chunks_, [&](const auto& chunk) {
    const auto range = free_.by_address().upper_bound(chunk.first);
    if (range == free_.by_address().begin())
      return false;
    const auto& [begin, size] = *std::prev(range);
    const std::byte* const end = begin + size;
    if (end < chunk.first + chunk.second)
      return false;
    std::byte* const free_begin = begin;
    const auto before = static_cast<std::size_t>(chunk.first - free_begin);
    free_.take_front(free_begin, size);
    if (before > 0)
      free_.insert(free_begin, before);
    if (const auto after = static_cast<std::size_t>(end - (chunk.first + chunk.second)); after > 0)
      free_.insert(chunk.first + chunk.second, after);
    cudaFree(chunk.first);
    return true;
  });
}

std::size_t DeviceAllocator::set_limit(std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  return std::exchange(limit_, bytes);
}

}  // namespace ockham::cuda
