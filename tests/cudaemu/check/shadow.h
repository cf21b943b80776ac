#pragma once
// What the checker remembers of each four bytes of device and shared memory: who wrote them last, and who read them.
// Two accesses race if one writes, not both are atomic, and nothing orders them: within a launch the barriers of a
// block and
// __syncwarp of a warp do, between launches streams, events and the edges of graphs (runtime/order.h).
#include <cstddef>
#include <cstdint>

namespace emu {

/// The last access of one kind to a cell: by whom, when, and to what.
struct Trace {
  std::uint32_t launch;
  std::uint32_t block;
  std::uint16_t thread;
  std::uint16_t barriers;          // before it in the launch, modulo 2^16
  std::uint16_t warp_syncs;        // of the thread's warp, barriers included, modulo 2^16
  std::uint16_t bytes : 4;         // of the cell; 0: no access yet
  std::uint16_t initialised : 4;   // of shared memory, written by this block so far
  std::uint16_t is_atomic : 1;     // of a write
  std::uint16_t many_threads : 1;  // reads by several threads of one warp since it last synchronised,
  std::uint16_t many_warps : 1;    // by several warps since the last barrier,
  std::uint16_t many_blocks : 1;   // by several blocks in the launch
};
static_assert(sizeof(Trace) == 16);

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
