#pragma once
// What the runtime tells the checker of check mode, which is linked only where kernels call it at each access.
#include <cstddef>

#include "tests/cudaemu/emu.h"

namespace emu {

struct Checker {
  /// The running thread accesses device or shared memory by an atomic function.
  void (*note_atomic)(const void* address, std::size_t bytes);
  /// Work that is no kernel accesses a range of device memory; `what` names it.
  void (*note_range)(const void* address, std::size_t bytes, bool writes, const char* what);
  /// A range of device memory begins a new life.
  void (*forget)(const void* address, std::size_t bytes);
  void (*end_block)();
  /// Adds what it counted of the kernel that has run.
  void (*end_kernel)(Stats& stats);
};
/// Null in fast mode.
extern const Checker* checker;

}  // namespace emu
