#include "tests/cudaemu/check/access.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <iterator>

#include "tests/cudaemu/check/counts.h"
#include "tests/cudaemu/check/shadow.h"
#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"
#include "tests/cudaemu/runtime/checker.h"
#include "tests/cudaemu/runtime/heap.h"
#include "tests/cudaemu/runtime/kernels.h"

extern "C" {
// The linker's: where the program lies in memory.
extern const unsigned char __executable_start;
extern const unsigned char end;
}

extern thread_local unsigned char dynamic_shared[232448];
extern constinit thread_local uint3 threadIdx, blockIdx;
extern constinit thread_local dim3 blockDim, gridDim;

namespace emu {
namespace {

struct Traffic {
  std::int64_t read = 0, written = 0;
};
thread_local Traffic traffic;

const char* verb(Access access) {
  return access == Access::read ? "read" : access == Access::write ? "write" : "atomic access";
}

bool is_within(const void* address, const void* begin, const void* end_of_range) {
  return address >= begin && address < end_of_range;
}

/// For each cell of [address, address + bytes), which of its bytes belong to it.
template <class Visit>
void for_each_cell(std::uintptr_t address, std::size_t bytes, Visit&& visit) {
  const std::uintptr_t last = address + bytes;
  for (std::uintptr_t cell = address & ~std::uintptr_t{3}; cell < last; cell += 4) {
    const unsigned from = cell < address ? static_cast<unsigned>(address - cell) : 0;
    const unsigned to = static_cast<unsigned>(std::min<std::uintptr_t>(4, last - cell));
    visit((1u << to) - (1u << from));
  }
}

/// @return false if the address is nobody's
bool check_states(const unsigned char* address, std::size_t bytes, Access access) {
  ByteState* const states = state_of(address);
  for (std::size_t i = 0; i < bytes; ++i) {
    if (states[i] == ByteState::initialised)
      continue;
    if (states[i] == ByteState::outside) {
      report("memcheck", "%s of %zu bytes at %p: %s", verb(access), bytes, static_cast<const void*>(address),
             describe_address(address + i));
      return false;
    }
    if (access != Access::write)
      report("initcheck", "%s of uninitialised device memory at %p, %s", verb(access),
             static_cast<const void*>(address), describe_address(address + i));
    states[i] = ByteState::initialised;  // once is enough
  }
  return true;
}

void check_named(const void* address, std::size_t bytes, Access access) {
  if (named != nullptr && !named->allows(address, bytes, access != Access::read))
    report("operands", "%s of %zu bytes at %p, which was not named: %s", verb(access), bytes, address,
           describe_address(address));
}

void check_device(const unsigned char* address, std::size_t bytes, std::size_t alignment, Access access) {
  const auto place = reinterpret_cast<std::uintptr_t>(address);
  if (place % alignment != 0)
    report("memcheck", "misaligned %s of %zu bytes at %p", verb(access), bytes, static_cast<const void*>(address));
  if (!check_states(address, bytes, access))
    return;
  if (access != Access::write)
    traffic.read += static_cast<std::int64_t>(bytes);
  if (access != Access::read)
    traffic.written += static_cast<std::int64_t>(bytes);
  check_named(address, bytes, access);
  for (Watch* watch : watches())
    watch->note(address, bytes, access != Access::write, access != Access::read);
  Cell* cell = device_cells(address);
  for_each_cell(place, bytes, [&](unsigned mask) {
    access_cell(*cell++, mask, access != Access::read, access == Access::atomic, Memory::device, address);
  });
}

/// clang takes them for variables, which lie among those in shared memory.
bool is_position(const void* address) {
  const auto holds = [&](const auto& variable) { return is_within(address, &variable, &variable + 1); };
  return holds(threadIdx) || holds(blockIdx) || holds(blockDim) || holds(gridDim);
}

void check_shared(const SharedCells& shared, const unsigned char* address, std::size_t bytes, Access access) {
  Cell* cell = shared.cells +
               (reinterpret_cast<std::uintptr_t>(address) / 4 - reinterpret_cast<std::uintptr_t>(shared.begin) / 4);
  if (is_within(address + bytes, dynamic_shared + running.dynamic_bytes + 1, std::end(dynamic_shared)))
    report("memcheck", "%s of %zu bytes at byte %td of the dynamic shared memory, of which the launch asked for %zu",
           verb(access), bytes, address - dynamic_shared, running.dynamic_bytes);
  for_each_cell(reinterpret_cast<std::uintptr_t>(address), bytes, [&](unsigned mask) {
    const Trace& write = cell->write;
    const bool is_of_block = write.launch() == running.launch && write.block() == running.block;
    if (access == Access::read && !is_of_block && is_position(address))
      return;
    if (access != Access::write && (!is_of_block || (write.initialised() & mask) != mask))
      report("initcheck", "%s of uninitialised shared memory at %p", verb(access), static_cast<const void*>(address));
    access_cell(*cell++, mask, access != Access::read, access == Access::atomic, Memory::shared, address);
  });
}

/// Neither device nor shared memory: the thread's own variables, its arguments, or constants of the program.
void check_other(const void* address, Access access) {
  if (is_within(address, running.stack_low, running.stack_high))
    return;
  if (access == Access::read && (is_within(address, running.arguments, running.arguments + running.argument_bytes) ||
                                 is_within(address, &__executable_start, &end)))
    return;
  report("memcheck", "kernel %s host memory %p", access == Access::read ? "reads" : "writes", address);
}

void note_range(const void* address, std::size_t bytes, bool writes, const char*) {
  check_named(address, bytes, writes ? Access::write : Access::read);
  Cell* cell = device_cells(address);
  for_each_cell(reinterpret_cast<std::uintptr_t>(address), bytes,
                [&](unsigned mask) { access_cell(*cell++, mask, writes, false, Memory::device, address); });
}

void end_kernel(Stats& stats) {
  stats.bytes_read += traffic.read;
  stats.bytes_written += traffic.written;
  traffic = {};
  take_counts(stats);
}

void end_block() {
  if (running.counts_accesses)
    count_block();
}

}  // namespace

void check_access(const void* address, std::size_t bytes, std::size_t alignment, Access access,
                  const void* instruction) {
  if (!running.in_kernel) {
    if (on_heap(address))
      report("memcheck", "host code %ss device memory %p", verb(access), address);
    return;
  }
  const auto* const place = static_cast<const unsigned char*>(address);
  const SharedCells& shared = shared_cells();
  const bool is_shared = is_within(place, shared.begin, shared.end);
  if (running.counts_accesses && instruction != nullptr && (is_shared || on_heap(place)) && !is_position(place))
    count_access(instruction, address, bytes, is_shared);
  if (on_heap(place))
    check_device(place, bytes, alignment, access);
  else if (is_shared)
    check_shared(shared, place, bytes, access);
  else
    check_other(place, access);
}

void install_checker() {
  static const Checker the_checker{
      [](const void* address, std::size_t bytes) { check_access(address, bytes, bytes, Access::atomic, nullptr); },
      note_range,
      forget_device_cells,
      end_block,
      end_kernel,
  };
  checker = &the_checker;
}

}  // namespace emu
