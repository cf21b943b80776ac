// The functions that code compiled with -fsanitize=thread and -fsanitize=undefined calls, in place of the sanitizers'
// libraries: kernels are compiled so, and the program is linked without them. gcc and clang call the same names.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "tests/cudaemu/check/access.h"
#include "tests/cudaemu/emu.h"

using emu::Access;
using emu::check_access;

#define EMU_HERE __builtin_return_address(0)
#define EMU_ACCESS_HOOK(NAME, BYTES, ALIGNMENT, ACCESS)                \
  void __tsan_##NAME##BYTES(void* address) {                           \
    check_access(address, BYTES, ALIGNMENT, Access::ACCESS, EMU_HERE); \
  }
#define EMU_ACCESS_HOOKS(BYTES)                                   \
  EMU_ACCESS_HOOK(read, BYTES, BYTES, read)                       \
  EMU_ACCESS_HOOK(write, BYTES, BYTES, write)                     \
  EMU_ACCESS_HOOK(unaligned_read, BYTES, 1, read)                 \
  EMU_ACCESS_HOOK(unaligned_write, BYTES, 1, write)               \
  EMU_ACCESS_HOOK(volatile_read, BYTES, BYTES, read)              \
  EMU_ACCESS_HOOK(volatile_write, BYTES, BYTES, write)            \
  EMU_ACCESS_HOOK(unaligned_volatile_read, BYTES, 1, read)        \
  EMU_ACCESS_HOOK(unaligned_volatile_write, BYTES, 1, write)      \
  void __tsan_read_write##BYTES(void* address) {                  \
    check_access(address, BYTES, BYTES, Access::read, EMU_HERE);  \
    check_access(address, BYTES, BYTES, Access::write, EMU_HERE); \
  }                                                               \
  void __tsan_unaligned_read_write##BYTES(void* address) {        \
    check_access(address, BYTES, 1, Access::read, EMU_HERE);      \
    check_access(address, BYTES, 1, Access::write, EMU_HERE);     \
  }

// Atomic built-ins in the files of kernels are those of host code there, such as the counts of shared pointers: device
// code has the functions of device_atomic_functions.h. They are done, and not checked.
#define EMU_ATOMIC_HOOKS(BITS)                                                                              \
  using a##BITS = std::uint##BITS##_t;                                                                      \
  a##BITS __tsan_atomic##BITS##_load(const volatile a##BITS* p, int) {                                      \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                            \
  }                                                                                                         \
  void __tsan_atomic##BITS##_store(volatile a##BITS* p, a##BITS v, int) {                                   \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                               \
  }                                                                                                         \
  a##BITS __tsan_atomic##BITS##_exchange(volatile a##BITS* p, a##BITS v, int) {                             \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                                     \
  }                                                                                                         \
  a##BITS __tsan_atomic##BITS##_fetch_add(volatile a##BITS* p, a##BITS v, int) {                            \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                         \
  a##BITS __tsan_atomic##BITS##_fetch_sub(volatile a##BITS* p, a##BITS v, int) {                            \
    return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);                                                      \
  }                                                                                                         \
  int __tsan_atomic##BITS##_compare_exchange_strong(volatile a##BITS* p, a##BITS* e, a##BITS v, int, int) { \
    return __atomic_compare_exchange_n(p, e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                 \
  }                                                                                                         \
  int __tsan_atomic##BITS##_compare_exchange_weak(volatile a##BITS* p, a##BITS* e, a##BITS v, int, int) {   \
    return __atomic_compare_exchange_n(p, e, v, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                  \
  }                                                                                                         \
  a##BITS __tsan_atomic##BITS##_compare_exchange_val(volatile a##BITS* p, a##BITS e, a##BITS v, int, int) { \
    __atomic_compare_exchange_n(p, &e, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                       \
    return e;                                                                                               \
  }

extern "C" {

void __tsan_init() {
  emu::install_checker();
}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
EMU_ACCESS_HOOKS(1)
EMU_ACCESS_HOOKS(2)
EMU_ACCESS_HOOKS(4)
EMU_ACCESS_HOOKS(8)
EMU_ACCESS_HOOKS(16)
void __tsan_read_range(void* address, long bytes) {
  check_access(address, static_cast<std::size_t>(bytes), 1, Access::read, EMU_HERE);
}
void __tsan_write_range(void* address, long bytes) {
  check_access(address, static_cast<std::size_t>(bytes), 1, Access::write, EMU_HERE);
}
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  check_access(from, bytes, 1, Access::read, EMU_HERE);
  check_access(to, bytes, 1, Access::write, EMU_HERE);
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  check_access(from, bytes, 1, Access::read, EMU_HERE);
  check_access(to, bytes, 1, Access::write, EMU_HERE);
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int value, std::size_t bytes) {
  check_access(to, bytes, 1, Access::write, EMU_HERE);
  return std::memset(to, value, bytes);
}
EMU_ATOMIC_HOOKS(8)
EMU_ATOMIC_HOOKS(16)
EMU_ATOMIC_HOOKS(32)
EMU_ATOMIC_HOOKS(64)
void __tsan_atomic_thread_fence(int) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int) {}

// What -fsanitize=undefined passes begins with the place in the source.
struct SourcePlace {
  const char* file;
  unsigned line, column;
};
void __ubsan_handle_out_of_bounds(SourcePlace* place, std::uintptr_t index) {
  emu::report("boundscheck", "index %td out of bounds at %s:%u", static_cast<std::ptrdiff_t>(index), place->file,
              place->line);
}
void __ubsan_handle_type_mismatch_v1(SourcePlace* place, std::uintptr_t address) {
  emu::report("memcheck", "misaligned address %#zx at %s:%u", static_cast<std::size_t>(address), place->file,
              place->line);
}
#define EMU_ARITHMETIC_HOOK(NAME, WHAT)                                            \
  void __ubsan_handle_##NAME(SourcePlace* place, std::uintptr_t, std::uintptr_t) { \
    emu::report("arithmetic", WHAT " at %s:%u", place->file, place->line);         \
  }
EMU_ARITHMETIC_HOOK(add_overflow, "overflow of a signed addition")
EMU_ARITHMETIC_HOOK(sub_overflow, "overflow of a signed subtraction")
EMU_ARITHMETIC_HOOK(mul_overflow, "overflow of a signed multiplication")
EMU_ARITHMETIC_HOOK(divrem_overflow, "division by zero, or its overflow,")
EMU_ARITHMETIC_HOOK(shift_out_of_bounds, "shift by too much, or of a negative number,")
void __ubsan_handle_negate_overflow(SourcePlace* place, std::uintptr_t) {
  emu::report("arithmetic", "overflow of a negation at %s:%u", place->file, place->line);
}

}  // extern "C"
