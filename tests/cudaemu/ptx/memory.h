#pragma once
// From an address to the bytes behind it, with the checks of the emulation's checker.
#include "tests/cudaemu/ptx/block.h"
#include "tests/cudaemu/ptx/flexible.h"
#include "tests/cudaemu/runtime/heap.h"

namespace emu::ptx {

enum class Space : std::uint8_t { kGeneric, kGlobal, kShared, kLocal, kParam, kConst };
enum class Access : std::uint8_t { kRead, kWrite, kAtomic };

constexpr const char* verb(Access access) {
  return access == Access::kRead ? "read" : access == Access::kWrite ? "write" : "atomic operation";
}

/// A bit of every byte.
template <class Word>
constexpr Word every_byte(std::uint8_t byte) {
  return static_cast<Word>(static_cast<Word>(~Word{0}) / 0xff * byte);
}

/// True, and states updated, where all bytes may be accessed: one comparison for accesses of 1, 2, 4 or 8 bytes.
template <Access access, unsigned bytes>
bool touch(ByteState* state) {
  using Word = std::conditional_t<
      bytes == 1, std::uint8_t,
      std::conditional_t<bytes == 2, std::uint16_t, std::conditional_t<bytes == 4, std::uint32_t, std::uint64_t>>>;
  static_assert(sizeof(ByteState) == 1 && ByteState::outside == ByteState{0} &&
                ByteState::uninitialised == ByteState{1});
  constexpr auto kInitialised = every_byte<Word>(static_cast<std::uint8_t>(ByteState::initialised));
  for (unsigned k = 0; k < bytes; k += sizeof(Word)) {
    Word word;
    __builtin_memcpy(&word, state + k, sizeof word);
    if (access != Access::kWrite && word != kInitialised)
      return false;
    if (access == Access::kWrite && word != kInitialised) {
      if (((word | word >> 1) & every_byte<Word>(1)) != every_byte<Word>(1))
        return false;
      word = kInitialised;
      __builtin_memcpy(state + k, &word, sizeof word);
    }
  }
  return true;
}

/// What is wrong with an access to the device heap; whether it may be done all the same.
bool report_global(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address, unsigned bytes,
                   Access access);
/// An access out of bounds, or not aligned, in a space of so many bytes.
void report_bounds(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address, unsigned bytes,
                   Access access, std::uint32_t size, const char* space);
/// Races, alignment and bytes never written, in shared memory.
void check_shared(Warp& warp, const Instruction& i, unsigned lane, std::uint32_t offset, unsigned bytes, Access access);

template <Access access, unsigned bytes>
std::byte* global_at(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address) {
  auto* const p = reinterpret_cast<std::byte*>(address);
  if (on_heap(p)) [[likely]] {
    if (address % bytes == 0 && touch<access, bytes>(state_of(p))) [[likely]]
      return p;
  } else if (address % bytes == 0 && p >= warp.program->variables && p + bytes <= warp.program->variables_end) {
    return p;
  }
  return report_global(warp, i, lane, address, bytes, access) ? p : nullptr;
}

/// Notes a read of whole words that are initialised and that nobody writes in this epoch, which is the most frequent
/// access; false for all others.
template <Access access, unsigned bytes>
bool is_plain_read(Warp& warp, unsigned lane, std::uint32_t offset) {
  if (access != Access::kRead || bytes % 4 != 0 || offset % bytes != 0)
    return false;
  Block& block = *warp.block;
  SharedCell* const cells = block.cells.data() + offset / 4;
  for (unsigned k = 0; k < bytes / 4; ++k) {
    if (cells[k].serial != block.serial || cells[k].initialised != 0xf || cells[k].write_epoch == block.epoch)
      return false;
  }
  const auto mine = static_cast<std::uint16_t>(warp.first_thread + lane);
  for (unsigned k = 0; k < bytes / 4; ++k) {
    cells[k].by_several = cells[k].read_epoch == block.epoch && (cells[k].by_several || cells[k].reader != mine);
    cells[k].read = 0xf;
    cells[k].reader = mine;
    cells[k].read_epoch = block.epoch;
    cells[k].read_syncs = warp.syncs;
  }
  return true;
}

template <Access access, unsigned bytes>
std::byte* shared_at(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address) {
  Block& block = *warp.block;
  // Differences, for sums wrap around where an index is negative.
  const bool is_static = address < warp.program->shared_bytes && warp.program->shared_bytes - address >= bytes;
  const std::uint64_t dynamic = address - kDynamicShared;
  if (!is_static && !(dynamic < block.dynamic_bytes && block.dynamic_bytes - dynamic >= bytes)) [[unlikely]] {
    report_bounds(warp, i, lane, address, bytes, access, warp.program->shared_bytes, "shared");
    return nullptr;
  }
  const auto offset = static_cast<std::uint32_t>(address);
  if (!is_plain_read<access, bytes>(warp, lane, offset))
    check_shared(warp, i, lane, offset, bytes, access);
  return block.shared.data() + offset;
}

/// Local memory and parameters: bounds and alignment.
template <Access access, unsigned bytes>
std::byte* private_at(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address, std::byte* begin,
                      std::uint32_t size, const char* name) {
  if (address < size && size - address >= bytes && address % bytes == 0) [[likely]]
    return begin + address;
  report_bounds(warp, i, lane, address, bytes, access, size, name);
  return nullptr;
}

template <Space space, Access access, unsigned bytes>
std::byte* memory_at(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address);

template <Access access, unsigned bytes>
[[gnu::noinline]] std::byte* generic_at(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address) {
  switch (address & kWindowMask) {
    case kSharedWindow:
      return memory_at<Space::kShared, access, bytes>(warp, i, lane, address - kSharedWindow);
    case kLocalWindow:
      return memory_at<Space::kLocal, access, bytes>(warp, i, lane, address - kLocalWindow);
    case kParamWindow:
      return memory_at<Space::kParam, access, bytes>(warp, i, lane, address - kParamWindow);
    default:
      return memory_at<Space::kGlobal, access, bytes>(warp, i, lane, address);
  }
}

/// The bytes behind an address, or null after a report.
template <Space space, Access access, unsigned bytes>
std::byte* memory_at(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address) {
  if constexpr (space == Space::kShared) {
    return shared_at<access, bytes>(warp, i, lane, address);
  } else if constexpr (space == Space::kLocal) {
    return private_at<access, bytes>(warp, i, lane, address, warp.local + lane * std::size_t{warp.program->local_bytes},
                                     warp.program->local_bytes, "local");
  } else if constexpr (space == Space::kParam) {
    if ((address & kWindowMask) == kLocalWindow)  // of a call
      return memory_at<Space::kLocal, access, bytes>(warp, i, lane, address - kLocalWindow);
    // Nothing of the kernel's parameters may be written.
    return private_at<access, bytes>(warp, i, lane, address, const_cast<std::byte*>(warp.block->parameters),
                                     access == Access::kRead ? warp.program->parameter_bytes : 0, "parameter");
  } else if constexpr (space == Space::kGeneric) {
    return generic_at<access, bytes>(warp, i, lane, address);
  } else {
    return global_at<access, bytes>(warp, i, lane, address);
  }
}

/// The addresses of a memory operand. Those of lanes that take no part may be anything.
inline void find_addresses(const Warp& warp, const Instruction& i, Operand operand, Lanes<std::uint64_t>& addresses) {
  if (i.address_bytes == 8) {
    const auto* const base = warp.at<std::uint64_t>(operand);
    const auto displacement = static_cast<std::uint64_t>(std::int64_t{i.displacement});
    for (unsigned lane = 0; lane < kLanes; ++lane)
      addresses[lane] = base[lane] + displacement;
  } else {
    const auto* const base = warp.at<std::uint32_t>(operand);
    const auto displacement = static_cast<std::uint32_t>(i.displacement);
    for (unsigned lane = 0; lane < kLanes; ++lane)
      addresses[lane] = base[lane] + displacement;
  }
}

}  // namespace emu::ptx
