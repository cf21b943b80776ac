// The scheduling of lanes and warps. See warp.h for the order.
#include "tests/cudaemu/ptx/block.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

#include "tests/cudaemu/emu.h"
#include "tests/cudaemu/runtime/block.h"

namespace emu::ptx {

void Warp::jump(Mask lanes, std::uint32_t target) {
  if (lanes == group) {
    pc = target;
    return;
  }
  for_lanes(group, [this](int lane) { lane_pc[static_cast<unsigned>(lane)] = pc; });
  for_lanes(lanes, [this, target](int lane) { lane_pc[static_cast<unsigned>(lane)] = target; });
  group = 0;
}

void Warp::jump(Mask lanes, const std::uint32_t* targets) {
  const std::uint32_t first = targets[std::countr_zero(lanes)];
  if (lanes_where(lanes, [=](unsigned lane) { return targets[lane] == first; }) == lanes) {
    jump(lanes, first);
    return;
  }
  for_lanes(group, [this](int lane) { lane_pc[static_cast<unsigned>(lane)] = pc; });
  for_lanes(lanes, [this, targets](int lane) { lane_pc[static_cast<unsigned>(lane)] = targets[lane]; });
  group = 0;
}

void Warp::park(Mask lanes, std::uint32_t at) {
  for_lanes(lanes, [this, at](int lane) { lane_pc[static_cast<unsigned>(lane)] = at; });
  group &= ~lanes;
}

bool Warp::choose_group() {
  const Mask runnable = live & ~at_barrier & ~at_collective;
  constexpr std::uint32_t kNone = ~std::uint32_t{0};
  pc = next = kNone;
  for (Mask rest = runnable; rest != 0; rest &= rest - 1)
    pc = std::min(pc, lane_pc[static_cast<unsigned>(std::countr_zero(rest))]);
  for (Mask rest = runnable; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    if (lane_pc[lane] == pc)
      group |= kBit[lane];
    else
      next = std::min(next, lane_pc[lane]);
  }
  return group != 0;
}

void Warp::run() {
  const Instruction* const code = program->code.data();
  while (choose_group()) {
    while (group != 0 && pc < next) {
      const Instruction& i = code[pc++];
      Mask lanes = group;
      if (i.guard != kNoOperand) {
        lanes &= predicate(i.guard) ^ i.guard_flip;
        if (lanes == 0)
          continue;
      }
      i.run(*this, i, lanes);
    }
    park(group, pc);
  }
}

void Block::prepare(const Program& p, std::array<std::uint32_t, 3> grid_size, std::array<std::uint32_t, 3> block_size,
                    std::uint32_t dynamic, const std::byte* parameter_bytes) {
  program = &p;
  grid = grid_size;
  threads = block_size;
  thread_count = threads[0] * threads[1] * threads[2];
  dynamic_bytes = dynamic;
  parameters = parameter_bytes;
  const std::size_t shared_end = dynamic == 0 ? p.shared_bytes : kDynamicShared + std::size_t{dynamic};
  shared.resize(std::max(shared.size(), shared_end));
  cells.resize(shared.size() / 4 + 1);
  const std::size_t count = (thread_count + kLanes - 1) / kLanes;
  registers.resize(std::max(registers.size(), count * p.register_bytes));
  local.resize(std::max(local.size(), count * kLanes * p.local_bytes));
  warps.assign(count, Warp{});
  for (std::size_t w = 0; w < count; ++w) {
    Warp& warp = warps[w];
    warp.program = program;
    warp.block = this;
    warp.first_thread = static_cast<std::uint32_t>(w * kLanes);
    warp.values[0] = registers.data() + w * p.register_bytes;
    warp.values[kConstant] = const_cast<std::byte*>(p.constants.data());
    warp.local = local.data() + w * kLanes * p.local_bytes;
    const std::uint32_t left = thread_count - warp.first_thread;
    warp.present = left >= kLanes ? kAll : (Mask{1} << left) - 1;
    for (unsigned lane = 0; lane < kLanes; ++lane) {
      const std::uint32_t thread = warp.first_thread + lane;
      const auto set = [&](Operand special, std::uint32_t value) { warp.at<std::uint32_t>(special)[lane] = value; };
      set(kTidX, thread % threads[0]);
      set(kTidY, thread / threads[0] % threads[1]);
      set(kTidZ, thread / (threads[0] * threads[1]));
      set(kLaneId, lane);
      set(kLanemaskEq, kBit[lane]);
      set(kLanemaskLt, kBit[lane] - 1);
      set(kLanemaskLe, kBit[lane] | (kBit[lane] - 1));
      set(kLanemaskGt, ~(kBit[lane] | (kBit[lane] - 1)));
      set(kLanemaskGe, ~(kBit[lane] - 1));
      for (unsigned axis = 0; axis < 3; ++axis) {
        set(kNtidX + axis * 128, threads[axis]);
        set(kNctaidX + axis * 128, grid[axis]);
      }
    }
  }
}

void Block::begin() {
  ++serial;
  ++epoch;
  std::fill(local.begin(), local.end(), std::byte{0xff});
  for (Warp& warp : warps) {
    warp.live = warp.present;
    warp.group = warp.at_barrier = warp.at_collective = 0;
    warp.lane_pc.fill(program->entry);
    for (unsigned axis = 0; axis < 3; ++axis)
      std::fill_n(warp.at<std::uint32_t>(kCtaidX + axis * 128), kLanes, index[axis]);
  }
}

bool Block::release_barrier() {
  std::uint32_t waiting = 0, live = 0;
  for (const Warp& warp : warps) {
    waiting += static_cast<std::uint32_t>(std::popcount(warp.at_barrier));
    live += static_cast<std::uint32_t>(std::popcount(warp.live));
  }
  if (waiting == 0 || waiting < live)
    return false;
  const Instruction& i = program->code[barrier_pc];
  if (live < thread_count) {
    const auto first = std::ranges::find_if(warps, [](const Warp& w) { return w.at_barrier != 0; });
    report(*first, i, static_cast<unsigned>(std::countr_zero(first->at_barrier)), "synccheck",
           "%u threads of the block have exited before this barrier", thread_count - live);
  }
  finish_barrier(*this, i);
  ++epoch;
  for (Warp& warp : warps)
    warp.at_barrier = 0;
  return true;
}

void Block::report_standstill() {
  for (Warp& warp : warps) {
    const Mask waiting = warp.at_collective != 0 ? warp.at_collective : warp.at_barrier;
    if (waiting == 0)
      continue;
    const auto lane = static_cast<unsigned>(std::countr_zero(waiting));
    const Instruction& i = program->code[warp.at_collective != 0 ? warp.lane_pc[lane] : barrier_pc];
    report(
        warp, i, lane, "deadlock", "lanes %08x wait here for ever: %s", waiting,
        warp.at_collective != 0 ? "other members of their warp never come" : "other threads of the block never come");
    return;
  }
}

void Block::run(std::array<std::uint32_t, 3> block_index) {
  index = block_index;
  begin();
  do {
    for (const std::uint32_t w : order)
      warps[w].run();
  } while (release_barrier());
  if (std::ranges::any_of(warps, [](const Warp& warp) { return warp.live != 0; }))
    report_standstill();
}

void report(Warp& warp, const Instruction& instruction, unsigned lane, const char* kind, const char* format, ...) {
  char message[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  const Block& block = *warp.block;
  const auto place = [&](Operand special) { return warp.at<std::uint32_t>(special)[lane]; };
  set_running_thread(
      uint3{block.index[0], block.index[1], block.index[2]}, uint3{place(kTidX), place(kTidY), place(kTidZ)},
      dim3(block.threads[0], block.threads[1], block.threads[2]), dim3(block.grid[0], block.grid[1], block.grid[2]));
  emu::report(kind, "%s (%s, line %d)", message, block.program->file.c_str(), instruction.line);
}

}  // namespace emu::ptx
