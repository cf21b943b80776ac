#pragma once
// Kernels as nvcc made them: where PTX has been loaded, launches run it in place of what the host's compiler made of
// the same source. EMU_PTX=FILE[:FILE...] loads files when the program starts.
//
// Memory is checked as by the checker: allocated, initialised, aligned, within bounds; shared memory for races, too.
// A `__device__` or `__constant__` variable exists once more in each file, with its initial value.
#include <cstddef>
#include <string>

#include "tests/cudaemu/ptx/module.h"

namespace emu::ptx {

/// From now on kernels of this file run as PTX. Before the first allocation of device memory. Ends the program with
/// exit code 2 where the file cannot be read, and aborts where it is not understood.
void load(const std::string& path);
/// Kernels run as compiled again until the next `load`.
void unload();

struct Shape {
  unsigned x = 1, y = 1, z = 1;
};
/// Runs all blocks of a grid, in the order that the options say.
/// @param parameters program.parameter_bytes bytes
void run(const Program& program, Shape grid, Shape block, std::size_t dynamic_bytes, const std::byte* parameters);

}  // namespace emu::ptx
