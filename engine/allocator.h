#pragma once
// Memory for tensors: a heap that keeps what is given back, so that a training loop asks the system for nothing after
// its second step. Statistics are part of the interface: the memory plan and the tests read them.
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace ockham {

/// What a block is for, as the code that asks says by a MemoryScope. kScratch is the rest: batches, cotangents, the
/// buffers of kernels.
enum class MemoryClass { kWeights, kGradients, kOptimizer, kActivations, kScratch, kCurvature };
inline constexpr std::size_t kMemoryClasses = 6;
std::string_view name_of(MemoryClass memory_class);

/// Bytes by MemoryClass.
using MemoryUse = std::array<std::size_t, kMemoryClasses>;

/// While it lives, what this thread allocates is of this class.
class MemoryScope {
 public:
  explicit MemoryScope(MemoryClass memory_class);
  ~MemoryScope();
  /// What this thread allocates now.
  static MemoryClass current();
  MemoryScope(const MemoryScope&) = delete;
  MemoryScope& operator=(const MemoryScope&) = delete;

 private:
  MemoryClass before_;
};

struct AllocatorStatistics {
  std::size_t bytes_in_use = 0;          ///< handed out now
  std::size_t peak_bytes = 0;            ///< largest bytes_in_use since reset_peak
  MemoryUse in_use = {};                 ///< bytes_in_use by class
  MemoryUse peak = {};                   ///< peak_bytes by class: what was in use at that moment
  std::size_t bytes_cached = 0;          ///< given back and kept for reuse, with the 64 bytes before each block
  std::uint64_t allocations = 0;         ///< requests served
  std::uint64_t system_allocations = 0;  ///< of these, requests that the cache could not serve
};

/// Thread-safe. Blocks are rounded up to 64 bytes and aligned to 64, and cut from a Heap (heap.h). Statistics and
/// limits count blocks, not what the process holds, so they tell the same whatever was in use before. OCKHAM_NO_CACHE=1
/// in the environment returns every block to the system at once (for sanitizers).
class CachingAllocator {
 public:
  static CachingAllocator& instance();

  /// @throws Error when the system has no memory left, with requested, in use and peak
  /// @throws UsageError past the limit
  void* allocate(std::size_t bytes);
  void release(void* block, std::size_t bytes) noexcept;

  AllocatorStatistics statistics() const;
  void reset_peak();
  /// Returns the pages of all cached memory to the system.
  void drop_cache();
  /// Refuses requests that would take bytes_in_use past the limit; 0 lifts it. @return the limit before
  std::size_t set_limit(std::size_t bytes);

 private:
  CachingAllocator();
  struct State;
  State* state_;  // lives until the process ends: tensors with static lifetime may outlast any destructor order
};

}  // namespace ockham
