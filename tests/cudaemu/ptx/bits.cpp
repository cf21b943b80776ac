// Bits: logic, shifts, fields, permutations, moves.
#include <algorithm>
#include <functional>

#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

using U16 = std::uint16_t;
using U32 = std::uint32_t;
using U64 = std::uint64_t;

struct Copy {
  template <class T>
  T operator()(T a) const {
    return a;
  }
};
struct Not {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(~a);
  }
};
// Shifts by the width or more leave no bit of the number.
struct Shl {
  template <class T>
  T operator()(T a, U32 n) const {
    return n >= 8 * sizeof(T) ? T{0} : static_cast<T>(static_cast<U64>(a) << n);
  }
};
struct Shr {
  template <class T>
  T operator()(T a, U32 n) const {
    return static_cast<T>(a >> std::min<U32>(n, 8 * sizeof(T) - 1) >> (std::is_unsigned_v<T> && n >= 8 * sizeof(T)));
  }
};
/// The upper (left) or lower word of the 64 bits b:a after a shift.
template <bool is_left, bool is_wrapped>
struct FunnelShift {
  U32 operator()(U32 a, U32 b, U32 n) const {
    n = is_wrapped ? n & 31 : std::min<U32>(n, 32);
    const U64 both = U64{b} << 32 | a;
    return static_cast<U32>(is_left ? both << n >> 32 : both >> n);
  }
};
struct Popc {
  template <class T>
  U32 operator()(T a) const {
    return static_cast<U32>(std::popcount(a));
  }
};
struct Clz {
  template <class T>
  U32 operator()(T a) const {
    return static_cast<U32>(std::countl_zero(a));
  }
};
/// The place of the highest bit that differs from the sign, or its distance from the highest place; all ones if none.
template <bool is_shift>
struct Bfind {
  template <class T>
  U32 operator()(T a) const {
    const auto u = static_cast<std::make_unsigned_t<T>>(a < 0 ? ~a : a);
    if (u == 0)
      return ~U32{0};
    const auto zeros = static_cast<U32>(std::countl_zero(u));
    return is_shift ? zeros : 8 * sizeof(T) - 1 - zeros;
  }
};
struct Brev {
  template <class T>
  T operator()(T a) const {
    T result = 0;
    for (unsigned k = 0; k < 8 * sizeof(T); ++k)
      result = static_cast<T>(result << 1 | (a >> k & 1));
    return result;
  }
};
/// `length` bits from `position` on, extended by the highest of them where T has a sign.
struct Bfe {
  template <class T>
  T operator()(T a, U32 position, U32 length) const {
    constexpr U32 kHighest = 8 * sizeof(T) - 1;
    position &= 0xff;
    length &= 0xff;
    const auto bit = [&](U32 k) { return static_cast<T>(a >> std::min(k, kHighest) & 1); };
    const bool is_filled = std::is_signed_v<T> && length > 0 && bit(std::min(position + length - 1, kHighest)) != 0;
    T result = 0;
    for (U32 k = kHighest + 1; k-- > 0;) {
      const bool is_field = k < length && position + k <= kHighest;
      result = static_cast<T>(static_cast<U64>(result) << 1 | (is_field ? bit(position + k) != 0 : is_filled));
    }
    return result;
  }
};
/// b with `length` bits from `position` on taken from the lowest of a.
struct Bfi {
  template <class T>
  T operator()(T a, T b, U32 position, U32 length) const {
    position &= 0xff;
    length = std::min<U32>(length & 0xff, 8 * sizeof(T));
    const T ones = length == 8 * sizeof(T) ? static_cast<T>(~T{0}) : static_cast<T>((T{1} << length) - 1);
    const T field = Shl{}(ones, position);
    return (b & static_cast<T>(~field)) | (Shl{}(a, position) & field);
  }
};
/// Four bytes chosen from the eight of b:a; the highest bit of a choice spreads the sign of its byte.
struct Prmt {
  U32 operator()(U32 a, U32 b, U32 choice) const {
    const U64 both = U64{b} << 32 | a;
    U32 result = 0;
    for (unsigned k = 0; k < 4; ++k) {
      const U32 c = choice >> (4 * k) & 0xf;
      const auto byte = static_cast<std::uint8_t>(both >> (8 * (c & 7)));
      const U32 chosen = (c & 8) != 0 ? (byte & 0x80 ? 0xffu : 0u) : byte;
      result |= chosen << (8 * k);
    }
    return result;
  }
};
/// Any function of three bits: bit (a, b, c) of the table.
struct Lop3 {
  U32 operator()(U32 a, U32 b, U32 c, U32 function) const {
    U32 result = 0;
    for (unsigned k = 0; k < 8; ++k) {
      if (function >> k & 1)
        result |= (k & 4 ? a : ~a) & (k & 2 ? b : ~b) & (k & 1 ? c : ~c);
    }
    return result;
  }
};

/// Operand 0 from parts, the first of which is lowest.
template <class Whole, class Part>
void pack(Warp& warp, const Instruction& i, Mask lanes) {
  constexpr unsigned kParts = sizeof(Whole) / sizeof(Part);
  auto* const d = warp.at<Whole>(i.operand[0]);
  std::array<const Part*, kParts> parts;
  for (unsigned k = 0; k < kParts; ++k)
    parts[k] = warp.at<Part>(i.operand[k + 1]);
  for_lanes(lanes, [=](int lane) {
    Whole whole = 0;
    for (unsigned k = 0; k < kParts; ++k)
      whole |= static_cast<Whole>(static_cast<Whole>(parts[k][lane]) << (8 * sizeof(Part) * k));
    d[lane] = whole;
  });
}
template <class Whole, class Part>
void unpack(Warp& warp, const Instruction& i, Mask lanes) {
  constexpr unsigned kParts = sizeof(Whole) / sizeof(Part);
  const auto whole = *warp.at<const std::array<Whole, kLanes>>(i.operand[kParts]);
  for (unsigned k = 0; k < kParts; ++k) {
    auto* const part = warp.at<Part>(i.operand[k]);
    for_lanes(lanes, [&, part, k](int lane) {
      part[lane] = static_cast<Part>(whole[static_cast<unsigned>(lane)] >> (8 * sizeof(Part) * k));
    });
  }
}

template <class T>
void add_logic(OpcodeTable& table, const std::string& type) {
  add_map<std::bit_and<T>, T, T, T>(table, "and." + type);
  add_map<std::bit_or<T>, T, T, T>(table, "or." + type);
  add_map<std::bit_xor<T>, T, T, T>(table, "xor." + type);
  add_map<Not, T, T>(table, "not." + type);
  add_map<Shl, T, T, U32>(table, "shl." + type);
  add_map<Shr, T, T, U32>(table, "shr." + type);
}

}  // namespace

void add_bit_opcodes(OpcodeTable& table) {
  add_logic<U16>(table, "b16");
  add_logic<U32>(table, "b32");
  add_logic<U64>(table, "b64");
  for_types(Integers16To64{}, [&]<class T>(const std::string& type) {
    add_map<Shr, T, T, U32>(table, "shr." + type);
    if constexpr (sizeof(T) >= 4) {
      add_map<Bfe, T, T, U32, U32>(table, "bfe." + type);
      add_map<Bfind<false>, U32, T>(table, "bfind." + type);
      add_map<Bfind<true>, U32, T>(table, "bfind.shiftamt." + type);
    }
  });
  for (const char* type : {"b16", "u16", "s16"})
    add_map<Copy, U16, U16>(table, std::string("mov.") + type);
  for (const char* type : {"b32", "u32", "s32", "f32"})
    add_map<Copy, U32, U32>(table, std::string("mov.") + type);
  for (const char* type : {"b64", "u64", "s64", "f64"})
    add_map<Copy, U64, U64>(table, std::string("mov.") + type);
  // Made by the decoder of mov with a vector: number of parts x their bytes.
  table["(pack 2x2)"] = {pack<U32, U16>, ""};
  table["(pack 2x4)"] = {pack<U64, U32>, ""};
  table["(pack 4x2)"] = {pack<U64, U16>, ""};
  table["(unpack 2x2)"] = {unpack<U32, U16>, ""};
  table["(unpack 2x4)"] = {unpack<U64, U32>, ""};
  table["(unpack 4x2)"] = {unpack<U64, U16>, ""};
  add_map<Popc, U32, U32>(table, "popc.b32");
  add_map<Popc, U32, U64>(table, "popc.b64");
  add_map<Clz, U32, U32>(table, "clz.b32");
  add_map<Clz, U32, U64>(table, "clz.b64");
  add_map<Brev, U32, U32>(table, "brev.b32");
  add_map<Brev, U64, U64>(table, "brev.b64");
  add_map<Bfi, U32, U32, U32, U32, U32>(table, "bfi.b32");
  add_map<Bfi, U64, U64, U64, U32, U32>(table, "bfi.b64");
  add_map<FunnelShift<true, true>, U32, U32, U32, U32>(table, "shf.l.wrap.b32");
  add_map<FunnelShift<true, false>, U32, U32, U32, U32>(table, "shf.l.clamp.b32");
  add_map<FunnelShift<false, true>, U32, U32, U32, U32>(table, "shf.r.wrap.b32");
  add_map<FunnelShift<false, false>, U32, U32, U32, U32>(table, "shf.r.clamp.b32");
  add_map<Prmt, U32, U32, U32, U32>(table, "prmt.b32");
  add_map<Lop3, U32, U32, U32, U32, U32>(table, "lop3.b32");
}

}  // namespace emu::ptx
