// What device code asks of the emulation: barriers, votes, warp collectives and notes of atomic accesses. The functions
// of CUDA in sm_30_intrinsics.h and device_atomic_functions.h stand on it.
#pragma once
#include <cstddef>
#include <cstdint>

namespace emu {

/// Where in the source a thread waits. As default arguments, so that the line is the caller's; clang 14 has no
/// std::source_location.
struct Place {
  const char* file;
  int line;
};
#define EMU_PLACE const char *file_ = __builtin_FILE(), int line_ = __builtin_LINE()
#define EMU_GIVEN_PLACE \
  ::emu::Place {        \
    file_, line_        \
  }

enum class Vote { none, all, any, count };

/// Waits for all threads of the block. @return the vote of the predicates of all of them
int block_barrier(Vote vote, int predicate, Place place);

enum class Collective { sync, shuffle, up, down, butterfly, ballot, all, any };

/// Waits for the lanes of `mask`, all of which must come with the same operation from the same line.
/// @param value what this lane gives, in its low bytes
/// @param argument source lane, distance or lane mask of a shuffle
/// @return what this lane gets
std::uint64_t warp_collective(Collective operation, unsigned mask, std::uint64_t value, int argument, int width,
                              Place place);

/// Tells the checker of an atomic access; `is_float`: one whose result depends on the order of threads.
void note_atomic(const void* address, std::size_t bytes, bool is_float, Place place);

unsigned lane_mask_of_active_threads();

}  // namespace emu
