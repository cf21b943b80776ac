#include "engine/allocator.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

#include "engine/error.h"

namespace ockham {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t rounded(std::size_t bytes) {
  return std::max(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
}

thread_local MemoryClass current_class = MemoryClass::kScratch;

/// Lies before each block, at the alignment's cost.
struct alignas(kAlignment) Header {
  std::size_t size;   ///< of the block
  std::size_t asked;  ///< of it: what counts
  MemoryClass memory_class;
};

Header& header_of(void* block) {
  return static_cast<Header*>(block)[-1];
}

/// @return null when the system has no memory left
void* new_block(std::size_t size) {
  void* memory = std::aligned_alloc(kAlignment, sizeof(Header) + size);
  return memory == nullptr ? nullptr : new (memory) Header{size, size, MemoryClass::kScratch} + 1;
}

void free_block(void* block) {
  std::free(&header_of(block));
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

struct CachingAllocator::State {
  mutable std::mutex mutex;
  std::map<std::size_t, std::vector<void*>> cache;  // free blocks by size; a size that has been stays
  AllocatorStatistics statistics;
  std::size_t limit = 0;
  bool is_caching = std::getenv("OCKHAM_NO_CACHE") == nullptr;

  void set_peak() {
    statistics.peak_bytes = statistics.bytes_in_use;
    statistics.peak = statistics.in_use;
  }

  void drop() {
    for (auto& [size, blocks] : cache)
      std::ranges::for_each(blocks, free_block);
    cache.clear();
    statistics.bytes_cached = 0;
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
  void* block = nullptr;
  const auto fits = [&](std::size_t block_size) { return block_size <= size + size / 8; };
  auto it = s.cache.lower_bound(size);
  while (it != s.cache.end() && it->second.empty() && fits(it->first))
    ++it;
  if (it != s.cache.end() && !it->second.empty() && fits(it->first)) {
    block = it->second.back();
    it->second.pop_back();
    s.statistics.bytes_cached -= it->first;
  } else {
    block = new_block(size);
    if (block == nullptr) {
      s.drop();
      block = new_block(size);
    }
    if (block == nullptr)
      throw Error(concat("memory: the system refused ", size, " bytes with ", s.statistics.bytes_in_use,
                         " in use and a peak of ", s.statistics.peak_bytes, "; lower --batch-size or --channels."));
    ++s.statistics.system_allocations;
  }
  header_of(block).asked = size;
  header_of(block).memory_class = current_class;
  ++s.statistics.allocations;
  s.statistics.bytes_in_use += size;
  s.statistics.in_use[static_cast<std::size_t>(current_class)] += size;
  if (s.statistics.bytes_in_use > s.statistics.peak_bytes)
    s.set_peak();
  return block;
}

void CachingAllocator::release(void* block, std::size_t) noexcept {
  State& s = *state_;
  const std::lock_guard lock(s.mutex);
  const auto [real, asked, memory_class] = header_of(block);
  s.statistics.bytes_in_use -= asked;
  s.statistics.in_use[static_cast<std::size_t>(memory_class)] -= asked;
  if (!s.is_caching) {
    free_block(block);
    return;
  }
  s.cache[real].push_back(block);
  s.statistics.bytes_cached += real;
}

AllocatorStatistics CachingAllocator::statistics() const {
  const std::lock_guard lock(state_->mutex);
  return state_->statistics;
}

void CachingAllocator::reset_peak() {
  const std::lock_guard lock(state_->mutex);
  state_->set_peak();
}

void CachingAllocator::drop_cache() {
  const std::lock_guard lock(state_->mutex);
  state_->drop();
}

std::size_t CachingAllocator::set_limit(std::size_t bytes) {
  const std::lock_guard lock(state_->mutex);
  return std::exchange(state_->limit, bytes);
}

}  // namespace ockham
