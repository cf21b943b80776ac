#pragma once
// What the checker remembers of each four bytes of device and shared memory: who wrote them last, and who read them.
// Two accesses race if one writes, not both are atomic, and nothing orders them: within a launch the barriers of a
// block and
// __syncwarp of a warp do, between launches streams, events and the edges of graphs (runtime/order.h).
#include <cstddef>
#include <cstdint>

namespace emu {

/// The last access of one kind to a cell: by whom, when, and to what. Packed by hand, since each access of a kernel
/// makes and compares a few of these.
struct Trace {
  std::uint64_t who;   // launch (32 bits), block (32)
  std::uint64_t when;  // barriers before it in the launch, synchronisations of its warp (barriers included), thread,
                       // flags (16 bits each; the first two modulo 2^16)

  static constexpr unsigned kBytes = 0xf;          // of the cell; none: no access yet
  static constexpr unsigned kAtomic = 0x100;       // a write
  static constexpr unsigned kManyThreads = 0x200;  // reads by several threads of one warp since it last synchronised,
  static constexpr unsigned kManyWarps = 0x400;    // by several warps since the last barrier,
  static constexpr unsigned kManyBlocks = 0x800;   // by several blocks in the launch
  static constexpr int kInitialisedShift = 4;      // four bits: of shared memory, written by this block so far

  std::uint32_t launch() const { return static_cast<std::uint32_t>(who >> 32); }
  std::uint32_t block() const { return static_cast<std::uint32_t>(who); }
  unsigned thread() const { return static_cast<unsigned>(when >> 16 & 0xffff); }
  unsigned warp() const { return thread() / 32; }
  bool has(unsigned flags) const { return (when & flags) != 0; }
  unsigned initialised() const { return static_cast<unsigned>(when >> kInitialisedShift & kBytes); }
  bool is_between_same_barriers(const Trace& other) const { return (when ^ other.when) >> 48 == 0; }
  bool is_between_same_synchronisations(const Trace& other) const { return (when ^ other.when) >> 32 == 0; }
  bool is_same_step(const Trace& other) const { return who == other.who && (when ^ other.when) >> 16 == 0; }
};

struct Cell {
  Trace write, read;
};

enum class Memory { device, shared };

/// Whoever runs accesses the bytes `mask` of a cell: reports races, and remembers.
void access_cell(Cell& cell, unsigned mask, bool writes, bool is_atomic, Memory memory, const void* address);

/// The cells of device memory from an address on.
Cell* device_cells(const void* address);
/// They become empty.
void forget_device_cells(const void* address, std::size_t bytes);

/// Those of the shared variables of this OS thread, whose addresses are [begin, end).
struct SharedCells {
  const unsigned char* begin = nullptr;
  const unsigned char* end = nullptr;
  Cell* cells = nullptr;
};
const SharedCells& shared_cells();

}  // namespace emu
