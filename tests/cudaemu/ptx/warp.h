#pragma once
// The state of 32 threads that run together. Lanes at one place of the program form a group; the group that is furthest
// behind runs until it reaches another one, and both go on together. Lanes that left a branch or loop early so wait
// for the others, as on the device.
#include <bit>
#include <utility>

#include "tests/cudaemu/ptx/program.h"

namespace emu::ptx {

struct Block;

struct Warp {
  const Program* program;
  Block* block;
  std::uint32_t first_thread;  ///< number in the block of lane 0
  std::byte* values[2];        ///< registers of the warp, constants of the program
  std::byte* local;            ///< local memory, one lane after another

  std::uint32_t pc;    ///< of the group that runs
  std::uint32_t next;  ///< lowest place where another lane could go on
  Mask group;          ///< lanes that run; empty to choose again
  Mask live;           ///< lanes that have not exited
  Mask present;        ///< lanes that exist
  Mask at_barrier;     ///< lanes that wait for the block
  Mask at_collective;  ///< lanes that wait for others of the warp, at the instruction itself
  Mask carry;          ///< the condition code
  std::array<std::uint32_t, kLanes> lane_pc;
  std::uint32_t syncs;  ///< bar.warp.sync so far

  template <class T>
  T* at(Operand operand) const {
    return reinterpret_cast<T*>(values[operand & kConstant] + (operand & ~kConstant));
  }
  Mask predicate(Operand operand) const { return *at<Mask>(operand); }
  void set_predicate(Operand operand, Mask lanes, Mask value) {
    Mask& p = *at<Mask>(operand);
    p = (p & ~lanes) | (value & lanes);
  }
  /// Runs until every lane has exited or waits.
  void run();
  /// Lets some lanes of the group go on elsewhere.
  void jump(Mask lanes, std::uint32_t target);
  void jump(Mask lanes, const std::uint32_t* targets);
  /// Takes lanes out of the group, to go on at `pc` some time.
  void park(Mask lanes, std::uint32_t pc);

 private:
  bool choose_group();
};

#if defined(__clang__)
#define EMU_PTX_LANES _Pragma("clang loop vectorize(assume_safety)")
#else
#define EMU_PTX_LANES _Pragma("GCC ivdep")
#endif

/// Calls f(lane) for each lane of the mask; f may write what it reads, but of its own lane only.
template <class F>
inline void for_lanes(Mask lanes, F&& f) {
  if (lanes == kAll) {
    EMU_PTX_LANES
    for (int lane = 0; lane < kLanes; ++lane)
      f(lane);
  } else {
    for (; lanes != 0; lanes &= lanes - 1)
      f(std::countr_zero(lanes));
  }
}

/// 1 << lane, as a table: compilers make vector code of it.
inline constexpr std::array<Mask, kLanes> kBit = [] {
  std::array<Mask, kLanes> bits{};
  for (unsigned lane = 0; lane < kLanes; ++lane)
    bits[lane] = Mask{1} << lane;
  return bits;
}();

/// The lanes for which f(lane) holds.
template <class F>
inline Mask lanes_where(Mask lanes, F&& f) {
  Mask result = 0;
  if (lanes == kAll) {
    for (unsigned lane = 0; lane < kLanes; ++lane)
      result |= f(lane) ? kBit[lane] : 0;
  } else {
    for (; lanes != 0; lanes &= lanes - 1) {
      const auto lane = static_cast<unsigned>(std::countr_zero(lanes));
      result |= f(lane) ? kBit[lane] : 0;
    }
  }
  return result;
}

/// operand 0 = F(operand 1, operand 2, ...), in each lane.
template <class F, class D, class... S>
void map(Warp& warp, const Instruction& instruction, Mask lanes) {
  D* const d = warp.at<D>(instruction.operand[0]);
  const auto apply = [=](const S*... s) { for_lanes(lanes, [=](int lane) { d[lane] = F{}(s[lane]...); }); };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    apply(warp.at<S>(instruction.operand[I + 1])...);
  }
  (std::index_sequence_for<S...>{});
}

}  // namespace emu::ptx
