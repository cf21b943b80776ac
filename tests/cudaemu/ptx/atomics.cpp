// atom and red. Lanes run one after another, so plain arithmetic does.
#include <algorithm>
#include <functional>

#include "tests/cudaemu/ptx/memory.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

struct Add {
  template <class T>
  T operator()(T old, T a) const {
    if constexpr (std::is_floating_point_v<T>)
      return old + a;
    else
      return static_cast<T>(static_cast<std::uint64_t>(old) + static_cast<std::uint64_t>(a));
  }
};
struct Min {
  template <class T>
  T operator()(T old, T a) const {
    return std::min(old, a);
  }
};
struct Max {
  template <class T>
  T operator()(T old, T a) const {
    return std::max(old, a);
  }
};
struct Exchange {
  template <class T>
  T operator()(T, T a) const {
    return a;
  }
};
/// Counts from 0 to a, and from there to 0.
struct Increment {
  template <class T>
  T operator()(T old, T a) const {
    return old >= a ? 0 : old + 1;
  }
};
/// Counts from a to 0, and from there, or from beyond a, to a.
struct Decrement {
  template <class T>
  T operator()(T old, T a) const {
    return old == 0 || old > a ? a : old - 1;
  }
};
struct CompareAndSwap {
  template <class T>
  T operator()(T old, T compare, T value) const {
    return old == compare ? value : old;
  }
};

template <Space space, unsigned bytes>
[[gnu::noinline]] std::byte* atomic_at(Warp& warp, const Instruction& i, unsigned lane, std::uint64_t address) {
  return memory_at<space, Access::kAtomic, bytes>(warp, i, lane, address);
}

/// Operands: what was there (unless red), the address, F's operands.
template <class F, Space space, class T, bool is_reduction>
void atomic(Warp& warp, const Instruction& i, Mask lanes) {
  constexpr unsigned kAddress = is_reduction ? 0 : 1;
  const T *const a = warp.at<T>(i.operand[kAddress + 1]), *const b = warp.at<T>(i.operand[kAddress + 2]);
  Lanes<std::uint64_t> addresses;
  find_addresses(warp, i, i.operand[kAddress], addresses);
  for (; lanes != 0; lanes &= lanes - 1) {
    const auto lane = static_cast<unsigned>(std::countr_zero(lanes));
    std::byte* const p = atomic_at<space, sizeof(T)>(warp, i, lane, addresses[lane]);
    if (p == nullptr)
      continue;
    T old, value;
    __builtin_memcpy(&old, p, sizeof old);
    if constexpr (std::is_same_v<F, CompareAndSwap>)
      value = F{}(old, a[lane], b[lane]);
    else
      value = F{}(old, a[lane]);
    __builtin_memcpy(p, &value, sizeof value);
    if constexpr (!is_reduction)
      warp.at<T>(i.operand[0])[lane] = old;
  }
}

const std::vector<std::string> kScopes = {"",
                                          ".relaxed.cta",
                                          ".relaxed.gpu",
                                          ".relaxed.sys",
                                          ".acquire.gpu",
                                          ".release.gpu",
                                          ".acq_rel.cta",
                                          ".acq_rel.gpu",
                                          ".acq_rel.sys"};

template <class F, Space space, class T>
void add_atomic(OpcodeTable& table, const std::string& space_name, const std::string& end) {
  const std::string values(std::is_same_v<F, CompareAndSwap> ? 2 : 1, operand_letter<T>());
  for (std::string scope : kScopes) {
    // nvcc leaves "gpu" out where it is meant.
    for (const std::string& s : {scope, scope.ends_with(".gpu") ? scope.substr(0, scope.size() - 4) : scope}) {
      table["atom" + s + space_name + end] = {atomic<F, space, T, false>,
                                              std::string{'=', operand_letter<T>(), 'm'} + values};
      if constexpr (!std::is_same_v<F, CompareAndSwap> && !std::is_same_v<F, Exchange>)
        table["red" + s + space_name + end] = {atomic<F, space, T, true>, "m" + values};
    }
  }
}

template <Space space>
void add_space(OpcodeTable& table, const std::string& name) {
  for_types(Types<std::uint32_t, std::uint64_t>{}, [&]<class U>(const std::string& type) {
    using S = std::make_signed_t<U>;
    const std::string width = type.substr(1);
    add_atomic<Add, space, U>(table, name, ".add.u" + width);
    add_atomic<Min, space, U>(table, name, ".min.u" + width);
    add_atomic<Max, space, U>(table, name, ".max.u" + width);
    add_atomic<Min, space, S>(table, name, ".min.s" + width);
    add_atomic<Max, space, S>(table, name, ".max.s" + width);
    add_atomic<std::bit_and<>, space, U>(table, name, ".and.b" + width);
    add_atomic<std::bit_or<>, space, U>(table, name, ".or.b" + width);
    add_atomic<std::bit_xor<>, space, U>(table, name, ".xor.b" + width);
    add_atomic<Exchange, space, U>(table, name, ".exch.b" + width);
    add_atomic<CompareAndSwap, space, U>(table, name, ".cas.b" + width);
  });
  add_atomic<Add, space, std::int32_t>(table, name, ".add.s32");
  add_atomic<Increment, space, std::uint32_t>(table, name, ".inc.u32");
  add_atomic<Decrement, space, std::uint32_t>(table, name, ".dec.u32");
  add_atomic<Add, space, float>(table, name, ".add.f32");
  add_atomic<Add, space, double>(table, name, ".add.f64");
}

}  // namespace

void add_atomic_opcodes(OpcodeTable& table) {
  add_space<Space::kGeneric>(table, "");
  add_space<Space::kGlobal>(table, ".global");
  add_space<Space::kShared>(table, ".shared");
}

}  // namespace emu::ptx
