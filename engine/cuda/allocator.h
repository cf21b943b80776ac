#pragma once
// Memory of one GPU: blocks cut from large ranges that join when free, so that a training loop asks the driver for
// nothing after its second step. All work of a process runs on one stream, so a block may be used again as soon as the
// host gives it back: what is asked for later runs later. OCKHAM_NO_CACHE=1 asks the driver for every block, so that
// compute-sanitizer and the emulation see where each ends.
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "engine/allocator.h"
#include "engine/heap.h"

namespace ockham::cuda {

/// Blocks that a recorded step uses whenever it runs, and which therefore serve nobody else while it lives.
class RecordedMemory {
 public:
  /// Released blocks of the same step serve again where it would hold more than `budget` bytes without; before, every
  /// request gets memory of its own, so that launches which share none may run together.
  explicit RecordedMemory(std::size_t budget) : budget_(budget) {}
  std::size_t bytes() const { return bytes_; }

 private:
  friend class DeviceAllocator;
  std::size_t budget_;
  std::size_t bytes_ = 0;  // of all blocks
  FreeRanges retired_;
  std::vector<std::pair<std::byte*, std::size_t>> blocks_;
};

class DeviceAllocator {
 public:
  DeviceAllocator();
  DeviceAllocator(const DeviceAllocator&) = delete;
  DeviceAllocator& operator=(const DeviceAllocator&) = delete;

  /// 256-byte aligned. @throws Error when the device has no memory left, with requested, in use, peak and total
  /// @throws UsageError past the limit
  void* allocate(std::size_t bytes);
  void release(void* block) noexcept;

  /// Until it is called with null, blocks come from `memory`. @return the one before
  RecordedMemory* set_recorded(RecordedMemory* memory);
  /// Ends the step's claim: what is free of it serves all, the rest once it is released.
  void forget(RecordedMemory& memory);

  AllocatorStatistics statistics() const;
  void reset_peak();
  /// Returns what is wholly free to the driver.
  void drop_cache();
  /// Refuses requests that would take bytes_in_use, and what recorded steps hold beside, past the limit; 0 lifts it.
  /// @return the limit before
  std::size_t set_limit(std::size_t bytes);

 private:
  struct Block {
    std::size_t size;
    MemoryClass memory_class;
    RecordedMemory* recorded;  // null: of nobody
  };
  void require_room(std::size_t size) const;
  bool passes_limit(std::size_t size) const;
  std::byte* take(std::size_t size);
  std::byte* take_recorded(std::size_t size);
  std::byte* take_retired(std::size_t size);
  bool grow(std::size_t size);

  mutable std::mutex mutex_;
  const bool is_caching_;
  FreeRanges free_;
  std::vector<std::pair<std::byte*, std::size_t>> chunks_;  // from the driver
  std::unordered_map<std::byte*, Block> blocks_;            // handed out
  RecordedMemory* recorded_ = nullptr;
  std::size_t retired_ = 0;  // bytes of recorded steps that they do not use at the moment
  std::size_t limit_ = 0;
  AllocatorStatistics statistics_;
};

}  // namespace ockham::cuda
