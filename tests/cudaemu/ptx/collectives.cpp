// What lanes of a warp do together: shuffles, votes, matches, sums, barriers.
#include <algorithm>
#include <functional>

#include "tests/cudaemu/ptx/block.h"
#include "tests/cudaemu/ptx/flexible.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

/// Calls f(some of the lanes, their member mask) for each set of lanes that is complete: all its members have come to
/// this instruction. The others wait for theirs.
template <class F>
void with_members(Warp& warp, const Instruction& i, Mask lanes, Operand members, F&& f) {
  const std::uint32_t here = warp.pc - 1;
  Mask waiting = 0;
  for (Mask rest = warp.at_collective; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    waiting |= warp.lane_pc[lane] == here ? kBit[lane] : 0;
  }
  const Mask* const member_masks = warp.at<Mask>(members);
  Mask rest = lanes | waiting, incomplete = 0;
  warp.at_collective &= ~waiting;
  while (rest != 0) {
    const auto first = static_cast<unsigned>(std::countr_zero(rest));
    const Mask named = member_masks[first];
    const Mask set = lanes_where(rest, [&](unsigned lane) { return member_masks[lane] == named; });
    rest &= ~set;
    if ((set & ~named) != 0)
      report(warp, i, static_cast<unsigned>(std::countr_zero(set & ~named)), "synccheck",
             "member mask %08x lacks the calling lane", named);
    const Mask exited = named & warp.present & ~warp.live;
    if (exited != 0)
      report(warp, i, first, "synccheck", "member mask %08x names lanes %08x, which have exited", named, exited);
    if ((named & warp.live & ~set) == 0)
      f(set, named & warp.live);
    else
      incomplete |= set;
  }
  const Mask complete = (lanes | waiting) & ~incomplete;
  warp.park(incomplete, here);
  warp.at_collective |= incomplete;
  warp.group |= complete;
}

/// Source lanes as PTX defines them: c holds the last lane of a segment (low) and the mask of a segment (high).
template <class Choose>
void shuffle(Warp& warp, const Instruction& i, Mask lanes) {
  // d|p, a, b, c, members
  with_members(warp, i, lanes, i.operand[5], [&](Mask set, Mask members) {
    using Words = std::array<std::uint32_t, kLanes>;
    const Words a = *warp.at<Words>(i.operand[2]);
    const auto *const b = warp.at<std::uint32_t>(i.operand[3]), *const c = warp.at<std::uint32_t>(i.operand[4]);
    auto* const d = warp.at<std::uint32_t>(i.operand[0]);
    const Mask all = set;
    Mask in_range = 0;
    for (; set != 0; set &= set - 1) {
      const int lane = std::countr_zero(set);
      const int segment = static_cast<int>(c[lane] >> 8 & 31), clamp = static_cast<int>(c[lane] & 31);
      const int least = lane & segment, most = least | (clamp & ~segment);
      bool is_in_range = false;
      int source = Choose{}(lane, static_cast<int>(b[lane] & 31), segment, least, most, &is_in_range);
      source = is_in_range ? source : lane;
      if ((members >> source & 1) == 0)
        report(warp, i, static_cast<unsigned>(lane), "synccheck", "shuffle reads lane %d, which takes no part", source);
      d[lane] = (members >> source & 1) != 0 ? a[static_cast<unsigned>(source)] : ~0u;
      in_range |= is_in_range ? Mask{1} << lane : 0;
    }
    warp.set_predicate(i.operand[1], all, in_range);
  });
}
struct Up {
  int operator()(int lane, int b, int, int, int most, bool* is_in_range) const {
    *is_in_range = lane - b >= most;
    return lane - b;
  }
};
struct Down {
  int operator()(int lane, int b, int, int, int most, bool* is_in_range) const {
    *is_in_range = lane + b <= most;
    return lane + b;
  }
};
struct Butterfly {
  int operator()(int lane, int b, int, int, int most, bool* is_in_range) const {
    *is_in_range = (lane ^ b) <= most;
    return lane ^ b;
  }
};
struct Index {
  int operator()(int, int b, int segment, int least, int most, bool* is_in_range) const {
    const int source = least | (b & ~segment);
    *is_in_range = source <= most;
    return source;
  }
};

enum class Vote { kAll, kAny, kUniform, kBallot };

template <Vote vote>
void take_vote(Warp& warp, const Instruction& i, Mask lanes) {
  // d, p, members
  with_members(warp, i, lanes, i.operand[2], [&](Mask set, Mask) {
    const Mask yes = warp.predicate(i.operand[1]) & set;
    if constexpr (vote == Vote::kBallot) {
      auto* const d = warp.at<std::uint32_t>(i.operand[0]);
      for_lanes(set, [=](int lane) { d[lane] = yes; });
    } else {
      const bool result = vote == Vote::kAny ? yes != 0 : yes == set || (vote == Vote::kUniform && yes == 0);
      warp.set_predicate(i.operand[0], set, result ? kAll : 0);
    }
  });
}

template <class T>
void match_any(Warp& warp, const Instruction& i, Mask lanes) {
  with_members(warp, i, lanes, i.operand[2], [&](Mask set, Mask) {
    const T* const a = warp.at<T>(i.operand[1]);
    Lanes<std::uint32_t> same{};
    for_lanes(set, [&](int lane) {
      same[static_cast<unsigned>(lane)] = lanes_where(set, [&](unsigned other) { return a[other] == a[lane]; });
    });
    auto* const d = warp.at<std::uint32_t>(i.operand[0]);
    for_lanes(set, [&](int lane) { d[lane] = same[static_cast<unsigned>(lane)]; });
  });
}

template <class T>
void match_all(Warp& warp, const Instruction& i, Mask lanes) {
  // d|p, a, members
  with_members(warp, i, lanes, i.operand[3], [&](Mask set, Mask members) {
    const T* const a = warp.at<T>(i.operand[2]);
    const T first = a[std::countr_zero(set)];
    const bool is_same = lanes_where(set, [&](unsigned lane) { return a[lane] == first; }) == set;
    auto* const d = warp.at<std::uint32_t>(i.operand[0]);
    for_lanes(set, [=](int lane) { d[lane] = is_same ? members : 0; });
    warp.set_predicate(i.operand[1], set, is_same ? kAll : 0);
  });
}

template <class F, class T>
void reduce(Warp& warp, const Instruction& i, Mask lanes) {
  with_members(warp, i, lanes, i.operand[2], [&](Mask set, Mask) {
    const T* const a = warp.at<T>(i.operand[1]);
    T result = a[std::countr_zero(set)];
    for (Mask rest = set & (set - 1); rest != 0; rest &= rest - 1)
      result = F{}(result, a[std::countr_zero(rest)]);
    T* const d = warp.at<T>(i.operand[0]);
    for_lanes(set, [=](int lane) { d[lane] = result; });
  });
}
struct Sum {
  std::uint32_t operator()(std::uint32_t a, std::uint32_t b) const { return a + b; }
};
struct Least {
  template <class T>
  T operator()(T a, T b) const {
    return std::min(a, b);
  }
};
struct Greatest {
  template <class T>
  T operator()(T a, T b) const {
    return std::max(a, b);
  }
};
void active_mask(Warp& warp, const Instruction& i, Mask lanes) {
  auto* const d = warp.at<std::uint32_t>(i.operand[0]);
  for_lanes(lanes, [=](int lane) { d[lane] = lanes; });
}

void synchronise_warp(Warp& warp, const Instruction& i, Mask lanes) {
  with_members(warp, i, lanes, i.operand[0], [&](Mask, Mask) { ++warp.syncs; });
}

/// What bar.red tells every thread of the predicates of all.
enum class Reduction { kNone, kCount, kAnd, kOr };

template <Reduction>
void wait_for_block(Warp& warp, const Instruction& i, Mask lanes) {
  Block& block = *warp.block;
  const std::uint32_t here = warp.pc - 1;
  const bool is_first = std::ranges::all_of(block.warps, [](const Warp& w) { return w.at_barrier == 0; });
  if (is_first)
    block.barrier_pc = here;
  else if (block.barrier_pc != here)
    report(warp, i, static_cast<unsigned>(std::countr_zero(lanes)), "synccheck",
           "divergent barriers: this thread waits here, others at line %d", block.program->code[block.barrier_pc].line);
  warp.park(lanes, warp.pc);
  warp.at_barrier |= lanes;
}

}  // namespace

void finish_barrier(Block& block, const Instruction& i) {
  if (i.run == Handler{wait_for_block<Reduction::kNone>})
    return;
  std::uint32_t count = 0, threads = 0;
  for (const Warp& warp : block.warps) {
    count += static_cast<std::uint32_t>(std::popcount(warp.predicate(i.operand[1]) & warp.at_barrier));
    threads += static_cast<std::uint32_t>(std::popcount(warp.at_barrier));
  }
  const bool holds = i.run == Handler{wait_for_block<Reduction::kAnd>} ? count == threads : count > 0;
  for (Warp& warp : block.warps) {
    if (i.run == Handler{wait_for_block<Reduction::kCount>})
      for_lanes(warp.at_barrier, [d = warp.at<std::uint32_t>(i.operand[0]), count](int lane) { d[lane] = count; });
    else
      warp.set_predicate(i.operand[0], warp.at_barrier, holds ? kAll : 0);
  }
}

void add_collective_opcodes(OpcodeTable& table) {
  using U = std::uint32_t;
  using S = std::int32_t;
  table["shfl.sync.up.b32"] = {shuffle<Up>, "=w|pwwww"};
  table["shfl.sync.down.b32"] = {shuffle<Down>, "=w|pwwww"};
  table["shfl.sync.bfly.b32"] = {shuffle<Butterfly>, "=w|pwwww"};
  table["shfl.sync.idx.b32"] = {shuffle<Index>, "=w|pwwww"};
  table["vote.sync.all.pred"] = {take_vote<Vote::kAll>, "=ppw"};
  table["vote.sync.any.pred"] = {take_vote<Vote::kAny>, "=ppw"};
  table["vote.sync.uni.pred"] = {take_vote<Vote::kUniform>, "=ppw"};
  table["vote.sync.ballot.b32"] = {take_vote<Vote::kBallot>, "=wpw"};
  table["match.any.sync.b32"] = {match_any<U>, "=www"};
  table["match.any.sync.b64"] = {match_any<std::uint64_t>, "=wdw"};
  table["match.all.sync.b32"] = {match_all<U>, "=w|pww"};
  table["match.all.sync.b64"] = {match_all<std::uint64_t>, "=w|pdw"};
  table["redux.sync.add.u32"] = table["redux.sync.add.s32"] = {reduce<Sum, U>, "=www"};
  table["redux.sync.min.u32"] = {reduce<Least, U>, "=www"};
  table["redux.sync.max.u32"] = {reduce<Greatest, U>, "=www"};
  table["redux.sync.min.s32"] = {reduce<Least, S>, "=www"};
  table["redux.sync.max.s32"] = {reduce<Greatest, S>, "=www"};
  table["redux.sync.and.b32"] = {reduce<std::bit_and<>, U>, "=www"};
  table["redux.sync.or.b32"] = {reduce<std::bit_or<>, U>, "=www"};
  table["redux.sync.xor.b32"] = {reduce<std::bit_xor<>, U>, "=www"};
  table["activemask.b32"] = {active_mask, "=w"};
  table["bar.warp.sync"] = {synchronise_warp, "w"};
  for (const char* barrier :
       {"bar.sync", "barrier.sync", "barrier.sync.aligned", "barrier.cta.sync", "barrier.cta.sync.aligned"})
    table[barrier] = {wait_for_block<Reduction::kNone>, "0"};
  for (const char* barrier : {"bar.red", "barrier.red", "barrier.cta.red"}) {
    for (const char* aligned : {"", ".aligned"}) {
      const std::string name = barrier, end = aligned;
      table[name + ".popc" + end + ".u32"] = {wait_for_block<Reduction::kCount>, "=w0p"};
      table[name + ".and" + end + ".pred"] = {wait_for_block<Reduction::kAnd>, "=p0p"};
      table[name + ".or" + end + ".pred"] = {wait_for_block<Reduction::kOr>, "=p0p"};
    }
  }
}

}  // namespace emu::ptx
