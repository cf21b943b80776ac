#pragma once
// The memory of the emulated device: a range of addresses of its own, red zones between allocations, and (where someone
// checks) a state a byte. All functions ask for the lock of the runtime, but those on addresses alone.
#include <cstddef>
#include <cstdint>
#include <optional>

namespace emu {

/// What a byte of the device memory holds.
enum class ByteState : unsigned char { outside = 0, uninitialised = 1, initialised = 2 };

extern unsigned char* heap_begin;
extern unsigned char* heap_end;
inline bool on_heap(const void* address) {
  return address >= heap_begin && address < heap_end;
}

/// Are states kept? Where the checker is linked, or from `track_bytes` on.
extern bool tracks_bytes;
/// To be called before the first allocation.
void track_bytes();
/// The state of a byte of the heap, followed by those of the bytes behind it.
ByteState* state_of(const void* address);

struct Allocation {
  unsigned char* begin;
  std::size_t bytes;
};
/// What holds the address, or null; red zones belong to none.
std::optional<Allocation> allocation_at(const void* address);

/// Aligned to 256 bytes and filled with NaNs; null if less than that is free.
void* allocate_device(std::size_t bytes);
/// @return false, and a report, if no live allocation begins there
bool free_device(void* address);
/// For a message: "..., 4 bytes past the end of an allocation of 256 bytes at 0x..." and such.
const char* describe_address(const void* address);

/// Reports if the range is not within one live allocation, or (where bytes are tracked) read before it was written.
/// A written range counts as initialised. @param what names the doer: "memcpy"
void check_range(const void* address, std::size_t bytes, bool writes, const char* what);

/// From here on, faults on device addresses and used-up stacks of this OS thread are explained. Test frames set
/// handlers of their own for each test, so this is called often.
void watch_faults();

/// While one lives, host code of the runtime may touch the heap, under EMU_PROTECT, too.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};

}  // namespace emu
