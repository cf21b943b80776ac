#pragma once
// What the runtime knows of each kernel, by the address of its function, and what it tells those who watch.
#include <string>
#include <vector>

#include "tests/cudaemu/emu.h"

namespace emu {

constexpr std::size_t kSharedBytes = 49152;       // a block's, without asking
constexpr std::size_t kMostSharedBytes = 232448;  // with cudaFuncSetAttribute

struct Kernel {
  std::string linker_name;
  std::string signature;
  std::size_t dynamic_limit = kSharedBytes;
  Stats stats;
};
/// Ends the program if the function has no name: kernels live in named namespaces, in programs linked with -rdynamic.
Kernel& kernel_of(const void* function);
/// Tells all LaunchLogs of something that runs on the device.
void log_launch(const std::string& name);
/// All that live.
std::vector<Watch*>& watches();
/// The one that lives; null: none.
extern const Named* named;

}  // namespace emu
