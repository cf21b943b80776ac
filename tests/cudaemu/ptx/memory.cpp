// Loads and stores, and addresses from one space to another.
#include "tests/cudaemu/ptx/memory.h"

#include <algorithm>

#include "tests/cudaemu/ptx/flexible.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

bool report_global(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address, unsigned bytes,
                   Access access) {
  const void* const p = reinterpret_cast<const void*>(address);
  if (address % bytes != 0)
    report(warp, i, lane, "memcheck", "misaligned %u-byte %s at %p", bytes, verb(access), p);
  if (!on_heap(p)) {
    report(warp, i, lane, "memcheck", "%s of %u bytes at %p, which is no device memory", verb(access), bytes, p);
    return false;
  }
  ByteState* const state = state_of(p);
  for (unsigned k = 0; k < bytes; ++k) {
    if (state[k] == ByteState::outside) {
      report(warp, i, lane, "memcheck", "%s of %u bytes at %p, %s", verb(access), bytes, p,
             describe_address(static_cast<const std::byte*>(p) + k));
      return false;
    }
  }
  if (access != Access::kWrite && std::find(state, state + bytes, ByteState::uninitialised) != state + bytes)
    report(warp, i, lane, "initcheck", "%s of uninitialised device memory, %u bytes at %p", verb(access), bytes, p);
  std::fill_n(state, bytes, ByteState::initialised);
  return true;
}

void report_bounds(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address, unsigned bytes,
                   Access access, std::uint32_t size, const char* space) {
  if (access != Access::kRead && size == 0)
    report(warp, i, lane, "memcheck", "%s of kernel parameters", verb(access));
  else
    report(warp, i, lane, "memcheck", "%s memory: %s of %u bytes at offset %lld of %u", space, verb(access), bytes,
           static_cast<long long>(address), size);
}

namespace {

/// Do accesses of one epoch by thread `other` come before those of the warp's thread `mine` by a barrier of the warp?
bool is_ordered(const Warp& warp, unsigned mine, unsigned other, std::uint32_t syncs) {
  return mine == other || (mine / kLanes == other / kLanes && syncs < warp.syncs);
}

void check_race(Warp& warp, const Instruction& i, unsigned lane, SharedCell& cell, std::uint32_t offset,
                std::uint8_t bytes, Access access) {
  const auto mine = static_cast<std::uint16_t>(warp.first_thread + lane);
  const std::uint32_t epoch = warp.block->epoch;
  const bool is_written = cell.write_epoch == epoch, is_read = cell.read_epoch == epoch;
  const bool both_atomic = access == Access::kAtomic && cell.by_atomic;
  if (is_written && (cell.written & bytes) != 0 && !both_atomic &&
      !is_ordered(warp, mine, cell.writer, cell.write_syncs))
    report(warp, i, lane, "racecheck", "shared memory offset %u: %s races with a write by thread %u", offset,
           verb(access), cell.writer);
  if (access == Access::kRead) {
    cell.by_several = is_read && (cell.by_several || cell.reader != mine);
    cell.read = static_cast<std::uint8_t>(bytes | (is_read ? cell.read : 0));
    cell.reader = mine;
    cell.read_epoch = epoch;
    cell.read_syncs = warp.syncs;
    return;
  }
  const bool is_ordered_read = is_ordered(warp, mine, cell.reader, cell.read_syncs);
  if (is_read && (cell.read & bytes) != 0 && (!is_ordered_read || (cell.by_several && cell.read_syncs == warp.syncs)))
    report(warp, i, lane, "racecheck", "shared memory offset %u: %s races with a read by thread %u", offset,
           verb(access), cell.reader);
  cell.written = static_cast<std::uint8_t>(bytes | (is_written && cell.writer == mine ? cell.written : 0));
  cell.writer = mine;
  cell.write_epoch = epoch;
  cell.write_syncs = warp.syncs;
  cell.by_atomic = access == Access::kAtomic;
}

}  // namespace

void check_shared(Warp& warp, const Instruction& i, unsigned lane, std::uint32_t offset, unsigned bytes,
                  Access access) {
  Block& block = *warp.block;
  const std::uint32_t end = offset + bytes;
  bool is_known = true;
  if (offset % bytes != 0)
    report(warp, i, lane, "memcheck", "misaligned %u-byte %s at offset %u of shared memory", bytes, verb(access),
           offset);
  for (std::uint32_t word = offset & ~3u; word < end; word += 4) {
    const unsigned low = word < offset ? offset - word : 0, high = std::min(4u, end - word);
    const auto touched = static_cast<std::uint8_t>(((1u << high) - 1) & ~((1u << low) - 1));
    SharedCell& cell = block.cells[word / 4];
    if (cell.serial != block.serial) {
      cell.serial = block.serial;
      cell.initialised = 0;
    }
    if (access != Access::kWrite)
      is_known = is_known && (cell.initialised & touched) == touched;
    if (access != Access::kRead)
      cell.initialised |= touched;
    check_race(warp, i, lane, cell, word, touched, access);
  }
  if (!is_known)
    report(warp, i, lane, "initcheck", "%s of uninitialised shared memory, %u bytes at offset %u", verb(access), bytes,
           offset);
}

namespace {

template <Space space, class T, unsigned vector>
void load(Warp& warp, const Instruction& i, Mask lanes) {
  std::array<Lanes<T>, vector> values;
  Lanes<std::uint64_t> addresses;
  find_addresses(warp, i, i.operand[vector], addresses);
  for (Mask rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(rest));
    const std::byte* const p = memory_at<space, Access::kRead, sizeof(T) * vector>(warp, i, lane, addresses[lane]);
    for (unsigned k = 0; k < vector; ++k) {
      if (p != nullptr) [[likely]]
        __builtin_memcpy(&values[k][lane], p + k * sizeof(T), sizeof(T));
      else
        values[k][lane] = static_cast<T>(-1);
    }
  }
  for (unsigned k = 0; k < vector; ++k)
    write_flexible(warp, i.operand[k], i.written_bytes, values[k], lanes);
}

template <Space space, class T, unsigned vector>
void store(Warp& warp, const Instruction& i, Mask lanes) {
  std::array<Lanes<T>, vector> cut;
  std::array<const T*, vector> values;
  for (unsigned k = 0; k < vector; ++k)
    values[k] = read_flexible(warp, i.operand[k + 1], i.read_bytes, cut[k]);
  Lanes<std::uint64_t> addresses;
  find_addresses(warp, i, i.operand[0], addresses);
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(lanes));
    std::byte* const p = memory_at<space, Access::kWrite, sizeof(T) * vector>(warp, i, lane, addresses[lane]);
    for (unsigned k = 0; k < vector && p != nullptr; ++k)
      __builtin_memcpy(p + k * sizeof(T), values[k] + lane, sizeof(T));
  }
}

// Modifiers that tell a cache or the memory model what order and scope to keep: lanes and blocks run one after another,
// so all of them hold.
const std::vector<std::string> kOrders = {"",
                                          ".volatile",
                                          ".relaxed.cta",
                                          ".relaxed.gpu",
                                          ".relaxed.sys",
                                          ".acquire.cta",
                                          ".acquire.gpu",
                                          ".acquire.sys",
                                          ".release.cta",
                                          ".release.gpu",
                                          ".release.sys",
                                          ".weak"};
const std::vector<std::string> kLoadCaches = {"", ".nc", ".ca", ".cg", ".cs", ".lu", ".cv"};
const std::vector<std::string> kStoreCaches = {"", ".wb", ".cg", ".cs", ".wt"};

/// Names in the table are: ld ORDER .SPACE CACHE .VECTOR .TYPE.
struct Names {
  std::string space;
  const std::vector<std::string>& orders;
  const std::vector<std::string>& caches;
};

template <Space space, class T, unsigned vector>
void add_access(OpcodeTable& table, const std::string& type, bool is_load, const Names& names) {
  Opcode opcode{is_load ? Handler{load<space, T, vector>} : Handler{store<space, T, vector>}, is_load ? "=*m" : "m*",
                vector, sizeof(T), sizeof(T)};
  const std::string end = (vector == 1 ? "" : vector == 2 ? ".v2" : ".v4") + ("." + type);
  for (const std::string& order : names.orders) {
    for (const std::string& cache : names.caches) {
      if (order.empty() || cache.empty())
        table[(is_load ? "ld" : "st") + order + names.space + cache + end] = opcode;
    }
  }
}

template <Space space, class T>
void add_accesses(OpcodeTable& table, const std::string& type, const std::string& name) {
  const std::vector<std::string> none = {""};
  const bool is_shared_with_others = space == Space::kGeneric || space == Space::kGlobal || space == Space::kShared;
  const Names loads{name, is_shared_with_others ? kOrders : none, is_shared_with_others ? kLoadCaches : none};
  const Names stores{name, is_shared_with_others ? kOrders : none, is_shared_with_others ? kStoreCaches : none};
  add_access<space, T, 1>(table, type, true, loads);
  add_access<space, T, 2>(table, type, true, loads);
  if constexpr (sizeof(T) <= 4)
    add_access<space, T, 4>(table, type, true, loads);
  if constexpr (space != Space::kConst) {
    add_access<space, T, 1>(table, type, false, stores);
    add_access<space, T, 2>(table, type, false, stores);
    if constexpr (sizeof(T) <= 4)
      add_access<space, T, 4>(table, type, false, stores);
  }
}

template <Space space>
void add_space(OpcodeTable& table, const std::string& name) {
  for_types(Types<std::int8_t, std::int16_t, std::int32_t, std::int64_t>{}, [&]<class S>(const std::string& type) {
    using U = std::make_unsigned_t<S>;
    const std::string width = type.substr(1);
    add_accesses<space, S>(table, "s" + width, name);
    add_accesses<space, U>(table, "u" + width, name);
    add_accesses<space, U>(table, "b" + width, name);
    if constexpr (sizeof(S) >= 4)
      add_accesses<space, U>(table, "f" + width, name);
  });
}

template <std::uint64_t window>
struct ToGeneric {
  std::uint64_t operator()(std::uint64_t a) const { return a + window; }
};
template <std::uint64_t window>
struct FromGeneric {
  std::uint64_t operator()(std::uint64_t a) const { return a - window; }
};
template <std::uint64_t window>
void is_in_space(Warp& warp, const Instruction& i, Mask lanes) {
  const auto* const a = warp.at<std::uint64_t>(i.operand[1]);
  warp.set_predicate(i.operand[0], lanes,
                     lanes_where(lanes, [=](unsigned lane) { return (a[lane] & kWindowMask) == window; }));
}

template <std::uint64_t window>
void add_addresses(OpcodeTable& table, const std::string& space) {
  add_map<ToGeneric<window>, std::uint64_t, std::uint64_t>(table, "cvta." + space + ".u64");
  add_map<FromGeneric<window>, std::uint64_t, std::uint64_t>(table, "cvta.to." + space + ".u64");
  table["isspacep." + space] = {is_in_space<window>, "=pd"};
}

void nothing(Warp&, const Instruction&, Mask) {}

}  // namespace

void add_memory_opcodes(OpcodeTable& table) {
  add_space<Space::kGeneric>(table, "");
  add_space<Space::kGlobal>(table, ".global");
  add_space<Space::kShared>(table, ".shared");
  add_space<Space::kLocal>(table, ".local");
  add_space<Space::kParam>(table, ".param");
  add_space<Space::kConst>(table, ".const");
  add_addresses<0>(table, "global");
  add_addresses<0>(table, "const");
  add_addresses<kSharedWindow>(table, "shared");
  add_addresses<kLocalWindow>(table, "local");
  add_addresses<kParamWindow>(table, "param");
  for (const char* name : {"membar.cta", "membar.gl", "membar.sys", "fence.acq_rel.cta", "fence.acq_rel.gpu",
                           "fence.acq_rel.sys", "fence.sc.cta", "fence.sc.gpu", "fence.sc.sys"})
    table[name] = {nothing, ""};
}

}  // namespace emu::ptx
