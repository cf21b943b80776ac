#pragma once
#include <cstddef>

namespace emu {

enum class Access { read, write, atomic };

/// Code of kernels (or host code in their files) accesses memory, from the instruction after which it goes on at
/// `instruction` (null: not counted). Everything that is wrong with it is reported.
/// @param alignment what the address has to be a multiple of
void check_access(const void* address, std::size_t bytes, std::size_t alignment, Access access,
                  const void* instruction);

/// Makes this the checker of the program.
void install_checker();

}  // namespace emu
