#pragma once
// Blocks of any size cut from large ranges of addresses. Free neighbours join, so memory that held many small blocks
// serves a large one later and the other way round: what a training step touches stays close to what it holds at its
// peak, though forward and reverse pass ask for other sizes. Pages reach the process when a block is first written.
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <utility>

namespace ockham {

/// Disjoint free ranges of addresses; those that touch are one. The best fit is the smallest that is large enough, the
/// first of those in address order.
class FreeRanges {
 public:
  void insert(std::byte* begin, std::size_t size);
  /// The first `size` bytes of the best fit; null: none is large enough.
  std::byte* take(std::size_t size);
  /// The first `size` bytes of the range that begins at `begin`.
  void take_front(std::byte* begin, std::size_t size);
  /// The size of the range that ends at `end`; 0: there is none.
  std::size_t size_before(std::byte* end) const;
  void clear();
  std::size_t bytes() const { return bytes_; }
  const std::map<std::byte*, std::size_t>& by_address() const { return sizes_; }

 private:
  void erase(std::byte* begin, std::size_t size);

  std::map<std::byte*, std::size_t> sizes_;
  std::set<std::pair<std::size_t, std::byte*>> by_size_;
  std::size_t bytes_ = 0;
};

/// Not thread-safe. Sizes are multiples of 64, blocks are aligned to 64. Addresses stay reserved for good. What is free
/// is poisoned (poison.h).
class Heap {
 public:
  Heap() = default;
  Heap(const Heap&) = delete;
  Heap& operator=(const Heap&) = delete;

  /// Memory that was in use before goes first. @return null when the system refuses more addresses, be it because it
  /// could never hold that much
  std::byte* take(std::size_t size);
  void give(std::byte* block, std::size_t size);
  /// Hands the pages of all free memory back to the system.
  void drop();
  /// Free bytes that were in use before.
  std::size_t bytes_cached() const { return used_.bytes(); }
  /// Blocks that needed memory which was not in use before.
  std::uint64_t growths() const { return growths_; }

 private:
  std::byte* take_fresh(std::size_t size);
  bool reserve(std::size_t size);

  FreeRanges used_;
  FreeRanges fresh_;  // never in use, or dropped since
  std::uint64_t growths_ = 0;
};

}  // namespace ockham
