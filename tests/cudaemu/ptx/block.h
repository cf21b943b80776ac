#pragma once
// One block of threads: its shared memory, with what is known of each byte of it, and its warps.
#include <vector>

#include "tests/cudaemu/ptx/warp.h"

namespace emu::ptx {

/// What is known of four bytes of shared memory: which of them this block has written, and who touched them last.
/// Barriers of the block begin an epoch, numbered through the whole run, so that what is of an earlier one is as good
/// as forgotten.
struct SharedCell {
  std::uint32_t serial = 0;  ///< of the block that `initialised` tells of
  std::uint32_t write_epoch = 0, read_epoch = 0;
  std::uint32_t write_syncs = 0, read_syncs = 0;  ///< bar.warp.sync of the warp until then
  std::uint16_t writer = 0, reader = 0;           ///< threads
  std::uint8_t initialised = 0;                   ///< one bit a byte, as in the next two
  std::uint8_t written = 0, read = 0;             ///< by the writer and the readers
  bool by_atomic : 1 = false;
  bool by_several : 1 = false;  ///< more than one thread has read them in this epoch
};

struct Block {
  const Program* program = nullptr;
  std::array<std::uint32_t, 3> index{}, threads{}, grid{};
  std::uint32_t thread_count = 0;
  std::uint32_t dynamic_bytes = 0;
  const std::byte* parameters = nullptr;

  std::vector<std::byte> shared;
  std::vector<SharedCell> cells;
  std::uint32_t serial = 0;  ///< of this block, in this run
  std::uint32_t epoch = 0;

  std::vector<std::byte> registers, local;
  std::vector<Warp> warps;
  std::vector<std::uint32_t> order;  ///< in which warps run; all of their numbers
  std::uint32_t barrier_pc = 0;      ///< of the barrier that threads wait at

  /// Numbers the registers tell of, at the beginning of a launch, and of a block.
  void prepare(const Program& program, std::array<std::uint32_t, 3> grid, std::array<std::uint32_t, 3> threads,
               std::uint32_t dynamic_bytes, const std::byte* parameters);
  void run(std::array<std::uint32_t, 3> index);

 private:
  void begin();
  /// Lets the threads at the barrier go on, if all have come; false where nothing moves any more.
  bool release_barrier();
  void report_standstill();
};

/// Tells every thread at a barrier what it asked of all. The barrier's instruction is `i`.
void finish_barrier(Block& block, const Instruction& i);

/// Reports a fault of one thread in the way of the emulation. The kernel goes on if the emulation lets it.
[[gnu::format(printf, 5, 6)]] void report(Warp& warp, const Instruction& instruction, unsigned lane, const char* kind,
                                          const char* format, ...);

}  // namespace emu::ptx
