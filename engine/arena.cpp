#include "engine/arena.h"

#include <algorithm>

#include "engine/allocator.h"
#include "engine/error.h"
#include "engine/poison.h"

namespace ockham {
namespace {

constexpr std::size_t kLine = 64;
constexpr std::size_t kSmallestBlock = std::size_t{1} << 18;
constexpr std::size_t kGap = kPoisons ? kLine : 0;  // between requests, so that none runs into the next unseen

}  // namespace

Arena& Arena::local() {
  thread_local Arena arena;
  return arena;
}

Arena::~Arena() {
  rewind({});
  release();
}

void* Arena::allocate(std::size_t bytes) {
  const std::size_t rounded = (bytes + kLine - 1) / kLine * kLine + kGap;
  while (block_ < blocks_.size() && blocks_[block_].size - used_ < rounded) {
    ++block_;
    used_ = 0;
  }
  if (block_ == blocks_.size()) {
    const std::size_t size = std::max(rounded, kSmallestBlock);  // rewind() joins blocks
    blocks_.reserve(blocks_.size() + 1);
    const MemoryScope scope(MemoryClass::kScratch);  // it outlives whatever pass asked first
    blocks_.push_back({static_cast<std::byte*>(CachingAllocator::instance().allocate(size)), size});
    poison(blocks_.back().data, size);
  }
  std::byte* result = blocks_[block_].data + used_;
  used_ += rounded;
  unpoison(result, bytes);
  return result;
}

void Arena::rewind(Mark mark) {
  for (std::size_t b = mark.block; b < blocks_.size() && b <= block_; ++b) {
    const std::size_t begin = b == mark.block ? mark.used : 0;
    poison(blocks_[b].data + begin, (b == block_ ? used_ : blocks_[b].size) - begin);
  }
  block_ = mark.block;
  used_ = mark.used;
  if (block_ == 0 && used_ == 0 && blocks_.size() > 1) {
    const std::size_t total = capacity();
    release();
    // Should the system refuse the joined block now, the next allocate() asks for what it needs.
    try {
      allocate(total);
    } catch (const Error&) {
    }
    block_ = used_ = 0;
  }
}

std::size_t Arena::capacity() const {
  std::size_t total = 0;
  for (const Block& block : blocks_)
    total += block.size;
  return total;
}

void Arena::release() {
  OCKHAM_ASSERT(block_ == 0 && used_ == 0);
  for (const Block& block : blocks_)
    CachingAllocator::instance().release(block.data, block.size);
  blocks_.clear();
}

}  // namespace ockham
