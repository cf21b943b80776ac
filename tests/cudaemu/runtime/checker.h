#pragma once
// What the runtime tells the checker of check mode, which is linked only where kernels call it at each access.
#include <cstddef>

namespace emu {

struct Checker {
  void (*note_atomic)(const void* address, std::size_t bytes);
};
/// Null in fast mode.
extern const Checker* checker;

}  // namespace emu
