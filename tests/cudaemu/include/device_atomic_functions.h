// CUDA on the CPU: atomic functions on the types that CUDA has them for. Blocks of a launch run one after another, so
// plain reads and writes are atomic here; the checker is told of each.
#pragma once
#include <emu_thread.h>

namespace emu {

/// Stores combine(old) and gives back old.
template <class T, class Combine>
__attribute__((no_sanitize("thread"))) T update_atomically(T* address, bool is_float, Place place, Combine combine) {
  note_atomic(address, sizeof(T), is_float, place);
  volatile T* const cell = address;
  const T old = *cell;
  *cell = combine(old);
  return old;
}

}  // namespace emu

#define EMU_ATOMIC(NAME, TYPE, COMBINE)                                                                        \
  inline TYPE NAME(TYPE* address, TYPE value, EMU_PLACE) {                                                     \
    return emu::update_atomically(address, false, EMU_GIVEN_PLACE, [&](TYPE old) -> TYPE { return COMBINE; }); \
  }
#define EMU_ATOMICS(TYPE)                                                                   \
  EMU_ATOMIC(atomicAdd, TYPE, static_cast<TYPE>(old + value))                               \
  EMU_ATOMIC(atomicExch, TYPE, (static_cast<void>(old), value))                             \
  EMU_ATOMIC(atomicMax, TYPE, old < value ? value : old)                                    \
  EMU_ATOMIC(atomicMin, TYPE, value < old ? value : old)                                    \
  EMU_ATOMIC(atomicAnd, TYPE, static_cast<TYPE>(old & value))                               \
  EMU_ATOMIC(atomicOr, TYPE, static_cast<TYPE>(old | value))                                \
  EMU_ATOMIC(atomicXor, TYPE, static_cast<TYPE>(old ^ value))                               \
  inline TYPE atomicCAS(TYPE* address, TYPE expected, TYPE value, EMU_PLACE) {              \
    return emu::update_atomically(address, false, EMU_GIVEN_PLACE,                          \
                                  [&](TYPE old) { return old == expected ? value : old; }); \
  }
EMU_ATOMICS(int)
EMU_ATOMICS(unsigned)
EMU_ATOMICS(unsigned long long)
#undef EMU_ATOMICS
EMU_ATOMIC(atomicSub, int, old - value)
EMU_ATOMIC(atomicSub, unsigned, old - value)
EMU_ATOMIC(atomicInc, unsigned, old >= value ? 0 : old + 1)
EMU_ATOMIC(atomicDec, unsigned, old == 0 || old > value ? value : old - 1)
#undef EMU_ATOMIC

// The order of threads decides the last bits: the checker reports each of these.
inline float atomicAdd(float* address, float value, EMU_PLACE) {
  return emu::update_atomically(address, true, EMU_GIVEN_PLACE, [&](auto old) { return old + value; });
}
inline double atomicAdd(double* address, double value, EMU_PLACE) {
  return emu::update_atomically(address, true, EMU_GIVEN_PLACE, [&](auto old) { return old + value; });
}

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
