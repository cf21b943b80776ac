#pragma once
// How the accesses of a warp fall into sectors of device memory and banks of shared memory.
//
// The k-th time that each lane executes one instruction counts as one access of the warp. Where lanes skip iterations
// of a loop that is an estimate: the device groups those that are there at the time.
#include <cstddef>
#include <cstdint>

#include "tests/cudaemu/emu.h"

namespace emu {

/// Notes an access of the running thread by the instruction at `instruction`.
void count_access(const void* instruction, const void* address, std::size_t bytes, bool is_shared);
/// All threads of the block have ended: adds what they did to the counts.
void count_block();
/// Adds what was counted since the last call.
void take_counts(Stats& stats);

}  // namespace emu
