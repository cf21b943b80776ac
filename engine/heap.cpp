#include "engine/heap.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iterator>

#include "engine/poison.h"

namespace ockham {
namespace {

constexpr std::size_t kReservation = std::size_t{1} << (kPoisons ? 26 : 30);  // addresses; but poison takes memory

/// Without MAP_NORESERVE, which would have the system grant what it can never hold, and kill the process later.
std::byte* map_pages(std::size_t size) {
  void* pages = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return pages == MAP_FAILED ? nullptr : static_cast<std::byte*>(pages);
}

/// The whole pages inside a range lose their contents and count no longer.
void return_pages(std::byte* begin, std::size_t size) {
  static const auto kPage = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t skipped = (kPage - address % kPage) % kPage;
  if (size >= skipped + kPage)
    madvise(begin + skipped, (size - skipped) / kPage * kPage, MADV_DONTNEED);
}

}  // namespace

void FreeRanges::insert(std::byte* begin, std::size_t size) {
  if (const std::size_t left = size_before(begin); left > 0) {
    begin -= left;
    size += left;
    erase(begin, left);
  }
  if (const auto right = sizes_.find(begin + size); right != sizes_.end()) {
    const auto [right_begin, right_size] = *right;
    size += right_size;
    erase(right_begin, right_size);
  }
  sizes_.emplace(begin, size);
  by_size_.emplace(size, begin);
  bytes_ += size;
}

std::byte* FreeRanges::take(std::size_t size) {
  const auto best = by_size_.lower_bound({size, nullptr});
  if (best == by_size_.end())
    return nullptr;
  std::byte* const begin = best->second;
  take_front(begin, size);
  return begin;
}

void FreeRanges::take_front(std::byte* begin, std::size_t size) {
  const std::size_t whole = sizes_.at(begin);
  erase(begin, whole);
  if (size < whole)
    insert(begin + size, whole - size);
}

std::size_t FreeRanges::size_before(std::byte* end) const {
  const auto next = sizes_.lower_bound(end);
  if (next == sizes_.begin())
    return 0;
  const auto& [begin, size] = *std::prev(next);
  return begin + size == end ? size : 0;
}

void FreeRanges::clear() {
  sizes_.clear();
  by_size_.clear();
  bytes_ = 0;
}

void FreeRanges::erase(std::byte* begin, std::size_t size) {
  sizes_.erase(begin);
  by_size_.erase({size, begin});
  bytes_ -= size;
}

std::byte* Heap::take(std::size_t size) {
  std::byte* block = used_.take(size);
  if (block == nullptr) {
    block = take_fresh(size);
    if (block == nullptr) {
      if (!reserve(size))
        drop();  // which joins what was in use with what was not
      block = take_fresh(size);
    }
    growths_ += block != nullptr;
  }
  if (block != nullptr)
    unpoison(block, size);
  return block;
}

void Heap::give(std::byte* block, std::size_t size) {
  poison(block, size);
  used_.insert(block, size);
}

/// The block begins in memory that was in use where such lies right before.
std::byte* Heap::take_fresh(std::size_t size) {
  for (const auto& [begin, fresh] : fresh_.by_address()) {
    const std::size_t used = used_.size_before(begin);
    if (used + fresh < size)
      continue;
    std::byte* const block = begin - used;
    if (used > 0)
      used_.take_front(block, used);
    fresh_.take_front(block + used, size - used);
    return block;
  }
  return nullptr;
}

/// Addresses may be rationed: then less than usual, down to what is asked for.
bool Heap::reserve(std::size_t size) {
  std::size_t reserved = std::max(size, kReservation);
  std::byte* pages = map_pages(reserved);
  while (pages == nullptr && reserved > size) {
    reserved = std::max(size, reserved / 2);
    pages = map_pages(reserved);
  }
  if (pages == nullptr)
    return false;
  poison(pages, reserved);
  fresh_.insert(pages, reserved);
  return true;
}

void Heap::drop() {
  for (const auto& [begin, size] : used_.by_address()) {
    return_pages(begin, size);
    fresh_.insert(begin, size);
  }
  used_.clear();
}

}  // namespace ockham
