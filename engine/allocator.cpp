#include "engine/allocator.h"

#include <algorithm>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#include "engine/error.h"
#include "engine/heap.h"
#include "engine/poison.h"

namespace ockham {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t rounded(std::size_t bytes) {
  return std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

thread_local MemoryClass current_class = MemoryClass::kScratch;

/// Lies before each block, at the alignment's cost; poisoned, as what rounding adds behind, to part the blocks.
struct alignas(kAlignment) Header {
  std::size_t size;  ///< of the block
  MemoryClass memory_class;
};

Header& header_of(void* block) {
  return static_cast<Header*>(block)[-1];
}

}  // namespace

std::string_view name_of(MemoryClass memory_class) {
  constexpr std::array<std::string_view, kMemoryClasses> kNames{"weights",          "gradients", "optimiser",
                                                                "kept activations", "scratch",   "curvature"};
  return kNames[static_cast<std::size_t>(memory_class)];
}

MemoryScope::MemoryScope(MemoryClass memory_class) : before_(std::exchange(current_class, memory_class)) {}

MemoryScope::~MemoryScope() {
  current_class = before_;
}

MemoryClass MemoryScope::current() {
  return current_class;
}

struct CachingAllocator::State {
  mutable std::mutex mutex;
  Heap heap;
  AllocatorStatistics statistics;
  std::size_t limit = 0;
  bool is_caching = std::getenv("OCKHAM_NO_CACHE") == nullptr;

  void set_peak() {
    statistics.peak_bytes = statistics.bytes_in_use;
    statistics.peak = statistics.in_use;
  }

  /// @return null when the system has no memory left
  void* take(std::size_t size) {
    if (is_caching)
      return heap.take(size);
    ++statistics.system_allocations;
    return std::aligned_alloc(kAlignment, size);
  }
  void give(void* memory, std::size_t size) {
    if (is_caching)
      heap.give(static_cast<std::byte*>(memory), size);
    else
      std::free(memory);
  }
};

CachingAllocator::CachingAllocator() : state_(new State) {}

CachingAllocator& CachingAllocator::instance() {
  static CachingAllocator allocator;
  return allocator;
}

void* CachingAllocator::allocate(std::size_t bytes) {
  const std::size_t size = rounded(bytes);
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  if (s.limit != 0 && s.statistics.bytes_in_use + size > s.limit)
    throw UsageError(concat("memory: ", size, " bytes were asked for with ", s.statistics.bytes_in_use,
                            " in use, which passes the limit of ", s.limit,
                            "; raise --memory-limit or lower --batch-size."));
  void* memory = s.take(sizeof(Header) + size);
  if (memory == nullptr)
    throw Error(concat("memory: the system refused ", size, " bytes with ", s.statistics.bytes_in_use,
                       " in use and a peak of ", s.statistics.peak_bytes, "; lower --batch-size or --channels."));
  ++s.statistics.allocations;
  s.statistics.bytes_in_use += size;
  s.statistics.in_use[static_cast<std::size_t>(current_class)] += size;
  if (s.statistics.bytes_in_use > s.statistics.peak_bytes)
    s.set_peak();
  Header* const header = new (memory) Header{size, current_class};
  poison(header, sizeof(Header));
  poison(reinterpret_cast<std::byte*>(header + 1) + bytes, size - bytes);
  return header + 1;
}

void CachingAllocator::release(void* block, std::size_t) noexcept {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  Header& header = header_of(block);
  unpoison(&header, sizeof(Header));
  const auto [size, memory_class] = header;
  s.statistics.bytes_in_use -= size;
  s.statistics.in_use[static_cast<std::size_t>(memory_class)] -= size;
  s.give(&header, sizeof(Header) + size);
}

AllocatorStatistics CachingAllocator::statistics() const {
  const std::lock_guard lock(state_->mutex);
  AllocatorStatistics result = state_->statistics;
  result.bytes_cached = state_->heap.bytes_cached();
  result.system_allocations += state_->heap.growths();
  return result;
}

void CachingAllocator::reset_peak() {
  const std::lock_guard lock(state_->mutex);
  state_->set_peak();
}

void CachingAllocator::drop_cache() {
  const std::lock_guard lock(state_->mutex);
  state_->heap.drop();
}

std::size_t CachingAllocator::set_limit(std::size_t bytes) {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->limit, bytes);
}

}  // namespace ockham
