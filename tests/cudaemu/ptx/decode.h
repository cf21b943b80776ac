#pragma once
#include <string>

#include "tests/cudaemu/ptx/module.h"

namespace emu::ptx {

/// The kernel and all functions that it calls. Registers and local memory of a function have fixed places, so recursion
/// is refused; what is not understood aborts.
Program decode(const Module& module, const std::string& entry);

}  // namespace emu::ptx
