#pragma once
// One block of a grid at a time on the calling OS thread: its threads are fibers that start lazily, so that a kernel
// without barriers needs one, and give way to each other only where they wait.
#include <vector_types.h>

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/cudaemu/launch_hook.h"

namespace emu {

/// The thread of a block that runs on this OS thread, for the checker and for messages.
struct Running {
  bool in_kernel = false;
  bool counts_accesses = false;    ///< options().count_accesses
  unsigned thread = 0;             ///< number in the block
  std::uint32_t block = 0;         ///< number in the grid
  std::uint32_t barriers = 0;      ///< how many of this launch came before, over all blocks so far
  std::uint32_t warp_syncs[32]{};  ///< __syncwarps of each warp, and what orders it more strongly
  std::uint32_t launch = 0;        ///< number of the work that runs, a kernel's or another's, from 1 (order.h)
  const std::string* kernel = nullptr;
  const std::byte* arguments = nullptr;  ///< of the kernel, on the host
  std::size_t argument_bytes = 0;
  std::size_t dynamic_bytes = 0;         ///< of shared memory that the launch asked for
  const std::byte* stack_low = nullptr;  ///< of the running thread
  const std::byte* stack_high = nullptr;
};
extern constinit thread_local Running running;

/// "kernel NAME block (x,y,z) thread (x,y,z)", or "host code".
std::string place_of_running_thread();

/// What a launch did, for the statistics.
struct GridCounts {
  std::int64_t blocks = 0, threads = 0, barriers = 0;
};

/// Runs all blocks of a grid, in the order that the options say. `running` has to name the kernel and its arguments.
GridCounts run_grid(const Pack& pack, dim3 grid, dim3 block, std::size_t dynamic_bytes);

/// For an engine that runs threads by itself: names the thread that runs until the next call, within `run_grid` or its
/// substitute.
void set_running_thread(uint3 block_index, uint3 thread_index, dim3 block, dim3 grid);

}  // namespace emu
