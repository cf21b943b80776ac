// Branches, calls and ends. Rows in parentheses are not PTX: the decoder makes them of calls.
#include <algorithm>

#include "tests/cudaemu/ptx/block.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

void branch(Warp& warp, const Instruction& i, Mask lanes) {
  warp.jump(lanes, i.target);
}

void branch_by_table(Warp& warp, const Instruction& i, Mask lanes) {
  const std::vector<std::uint32_t>& table = warp.program->tables[i.target];
  const auto* const index = warp.at<std::uint32_t>(i.operand[0]);
  std::array<std::uint32_t, kLanes> targets{};
  for (Mask rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    if (index[lane] >= table.size())
      report(warp, i, lane, "memcheck", "index %u of a table of %zu branches", index[lane], table.size());
    targets[lane] = table[std::min<std::size_t>(index[lane], table.size() - 1)];
  }
  warp.jump(lanes, targets.data());
}

void exit(Warp& warp, const Instruction&, Mask lanes) {
  warp.live &= ~lanes;
  warp.group &= ~lanes;
}

void trap(Warp& warp, const Instruction& i, Mask lanes) {
  report(warp, i, static_cast<unsigned>(std::countr_zero(lanes)), "trap", "the kernel gives up");
  exit(warp, i, lanes);
}

/// Operand 0: where the called function keeps the places to return to.
void call(Warp& warp, const Instruction& i, Mask lanes) {
  for_lanes(lanes, [to = warp.at<std::uint32_t>(i.operand[0]), pc = warp.pc](int lane) { to[lane] = pc; });
  warp.jump(lanes, i.target);
}

void return_from_call(Warp& warp, const Instruction& i, Mask lanes) {
  warp.jump(lanes, warp.at<std::uint32_t>(i.operand[0]));
}

/// Arguments and results of calls: local memory from operand 1 to operand 0, which are offsets; operand 2 is the size.
void copy_local(Warp& warp, const Instruction& i, Mask lanes) {
  for (; lanes != 0; lanes &= lanes - 1) {
    std::byte* const local =
        warp.local + std::size_t{warp.program->local_bytes} * static_cast<unsigned>(std::countr_zero(lanes));
    std::copy_n(local + i.operand[1], i.operand[2], local + i.operand[0]);
  }
}

}  // namespace

void add_control_opcodes(OpcodeTable& table) {
  table["bra"] = table["bra.uni"] = {branch, "L"};
  table["brx.idx"] = table["brx.idx.uni"] = {branch_by_table, "wT"};
  table["ret"] = table["ret.uni"] = table["exit"] = {exit, ""};
  table["trap"] = {trap, ""};
  table["(call)"] = {call, ""};
  table["(return)"] = {return_from_call, ""};
  table["(copy local)"] = {copy_local, ""};
}

const OpcodeTable& opcodes() {
  static const OpcodeTable all = [] {
    OpcodeTable table;
    add_integer_opcodes(table);
    add_bit_opcodes(table);
    add_float_opcodes(table);
    add_rounded_opcodes(table);
    add_predicate_opcodes(table);
    add_conversion_opcodes(table);
    add_memory_opcodes(table);
    add_atomic_opcodes(table);
    add_collective_opcodes(table);
    add_control_opcodes(table);
    return table;
  }();
  return all;
}

}  // namespace emu::ptx
