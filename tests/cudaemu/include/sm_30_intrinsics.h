// CUDA on the CPU: barriers, votes and shuffles.
#pragma once
#include <emu_thread.h>

#include <cstring>
#include <type_traits>

inline void __syncthreads(EMU_PLACE) {
  emu::block_barrier(emu::Vote::none, 0, EMU_GIVEN_PLACE);
}
inline int __syncthreads_and(int predicate, EMU_PLACE) {
  return emu::block_barrier(emu::Vote::all, predicate, EMU_GIVEN_PLACE);
}
inline int __syncthreads_or(int predicate, EMU_PLACE) {
  return emu::block_barrier(emu::Vote::any, predicate, EMU_GIVEN_PLACE);
}
inline int __syncthreads_count(int predicate, EMU_PLACE) {
  return emu::block_barrier(emu::Vote::count, predicate, EMU_GIVEN_PLACE);
}
inline void __syncwarp(unsigned mask = ~0u, EMU_PLACE) {
  emu::warp_collective(emu::Collective::sync, mask, 0, 0, 32, EMU_GIVEN_PLACE);
}
inline unsigned __activemask() {
  return emu::lane_mask_of_active_threads();
}

namespace emu {

template <class T>
T shuffle(Collective operation, unsigned mask, T value, int argument, int width, Place place) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>, "shuffles take values of at most 8 bytes");
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_collective(operation, mask, bits, argument, width, place);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace emu

template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32, EMU_PLACE) {
  return emu::shuffle(emu::Collective::shuffle, mask, value, source, width, EMU_GIVEN_PLACE);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_PLACE) {
  return emu::shuffle(emu::Collective::up, mask, value, static_cast<int>(delta), width, EMU_GIVEN_PLACE);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32, EMU_PLACE) {
  return emu::shuffle(emu::Collective::down, mask, value, static_cast<int>(delta), width, EMU_GIVEN_PLACE);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32, EMU_PLACE) {
  return emu::shuffle(emu::Collective::butterfly, mask, value, lane_mask, width, EMU_GIVEN_PLACE);
}
inline unsigned __ballot_sync(unsigned mask, int predicate, EMU_PLACE) {
  return static_cast<unsigned>(
      emu::warp_collective(emu::Collective::ballot, mask, predicate != 0, 0, 32, EMU_GIVEN_PLACE));
}
inline int __all_sync(unsigned mask, int predicate, EMU_PLACE) {
  return static_cast<int>(emu::warp_collective(emu::Collective::all, mask, predicate != 0, 0, 32, EMU_GIVEN_PLACE));
}
inline int __any_sync(unsigned mask, int predicate, EMU_PLACE) {
  return static_cast<int>(emu::warp_collective(emu::Collective::any, mask, predicate != 0, 0, 32, EMU_GIVEN_PLACE));
}
