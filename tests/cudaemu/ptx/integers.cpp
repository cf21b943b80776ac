// Integer arithmetic. Overflow wraps; what C++ leaves undefined is what the device gives: x / 0 has all bits set, x % 0
// is x, INT_MIN / -1 is INT_MIN.
#include <algorithm>
#include <limits>

#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

__extension__ using Int128 = __int128;
__extension__ using UInt128 = unsigned __int128;

/// A type that holds every product of two T.
template <class T>
using Wide = std::conditional_t<
    sizeof(T) == 8, std::conditional_t<std::is_signed_v<T>, Int128, UInt128>,
    std::conditional_t<std::is_signed_v<T>, std::conditional_t<sizeof(T) == 2, std::int32_t, std::int64_t>,
                       std::conditional_t<sizeof(T) == 2, std::uint32_t, std::uint64_t>>>;

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// In 64 bits, where nothing overflows that matters; the result is cut to T.
template <class T>
std::uint64_t bits(T a) {
  return static_cast<std::uint64_t>(a);
}

struct Add {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(bits(a) + bits(b));
  }
};
struct Sub {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(bits(a) - bits(b));
  }
};
struct MulLo {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(bits(a) * bits(b));
  }
};
struct MulHi {
  template <class T>
  T operator()(T a, T b) const {
    return static_cast<T>(static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b) >> (8 * sizeof(T)));
  }
};
struct MulWide {
  template <class T>
  Wide<T> operator()(T a, T b) const {
    return static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b);
  }
};
struct MadLo {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add{}(MulLo{}(a, b), c);
  }
};
struct MadHi {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add{}(MulHi{}(a, b), c);
  }
};
struct MadWide {
  template <class T>
  Wide<T> operator()(T a, T b, Wide<T> c) const {
    return Add{}(MulWide{}(a, b), c);
  }
};
struct Div {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0)
      return static_cast<T>(-1);
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return Sub{}(T{0}, a);
    return static_cast<T>(a / b);
  }
};
struct Rem {
  template <class T>
  T operator()(T a, T b) const {
    if (b == 0)
      return a;
    if (std::is_signed_v<T> && b == static_cast<T>(-1))
      return 0;
    return static_cast<T>(a % b);
  }
};
struct Neg {
  template <class T>
  T operator()(T a) const {
    return Sub{}(T{0}, a);
  }
};
struct Abs {
  template <class T>
  T operator()(T a) const {
    return a < 0 ? Sub{}(T{0}, a) : a;
  }
};
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return std::min(a, b);
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return std::max(a, b);
  }
};
/// c + |a - b|
struct Sad {
  template <class T>
  T operator()(T a, T b, T c) const {
    return Add{}(c, a < b ? Sub{}(b, a) : Sub{}(a, b));
  }
};
struct AddSaturated {
  std::int32_t operator()(std::int32_t a, std::int32_t b) const {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(std::int64_t{a} + b, INT32_MIN, INT32_MAX));
  }
};
struct SubSaturated {
  std::int32_t operator()(std::int32_t a, std::int32_t b) const {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(std::int64_t{a} - b, INT32_MIN, INT32_MAX));
  }
};
struct Mul24Lo {
  template <class T>
  T operator()(T a, T b) const {
    const auto low = [](T x) { return static_cast<T>(static_cast<T>(static_cast<Unsigned<T>>(x) << 8) >> 8); };
    return MulLo{}(low(a), low(b));
  }
};

/// c + the sum of four products of bytes; A and B tell their signs.
template <class A, class B>
struct Dp4a {
  std::uint32_t operator()(std::uint32_t a, std::uint32_t b, std::uint32_t c) const {
    for (int k = 0; k < 32; k += 8)
      c += static_cast<std::uint32_t>(int{static_cast<A>(a >> k)} * int{static_cast<B>(b >> k)});
    return c;
  }
};

// Arithmetic on numbers of several words. The sum of up to three words and a carry, in a type twice as wide: the carry
// is what is above the word. A borrow is a carry of a + ~b + 1 that did not come.
enum class Carry { kOut, kIn, kBoth };

template <class F, Carry carry, bool is_three, class T>
void with_carry(Warp& warp, const Instruction& i, Mask lanes) {
  T* const d = warp.at<T>(i.operand[0]);
  const T *const a = warp.at<T>(i.operand[1]), *const b = warp.at<T>(i.operand[2]);
  const T* const c = is_three ? warp.at<T>(i.operand[3]) : a;
  const Mask in = carry == Carry::kOut ? 0 : warp.carry;
  const Mask out = lanes_where(lanes, [&](unsigned lane) {
    bool overflows = false;
    d[lane] = F{}(a[lane], b[lane], c[lane], static_cast<T>(in >> lane & 1), &overflows);
    return overflows;
  });
  if (carry != Carry::kIn)
    warp.carry = (warp.carry & ~lanes) | out;
}
struct AddCarry {
  template <class T>
  T operator()(T a, T b, T, T in, bool* out) const {
    const T sum = a + b;
    *out = sum < a || static_cast<T>(sum + in) < sum;
    return sum + in;
  }
};
struct SubBorrow {
  template <class T>
  T operator()(T a, T b, T, T in, bool* out) const {
    *out = a < b || static_cast<T>(a - b) < in;
    return a - b - in;
  }
};
struct MadLoCarry {
  template <class T>
  T operator()(T a, T b, T c, T in, bool* out) const {
    return AddCarry{}(MulLo{}(a, b), c, c, in, out);
  }
};
struct MadHiCarry {
  template <class T>
  T operator()(T a, T b, T c, T in, bool* out) const {
    return AddCarry{}(MulHi{}(a, b), c, c, in, out);
  }
};

template <class F, bool is_three>
void add_carry(OpcodeTable& table, const std::string& first, const std::string& then, const std::string& mode) {
  for_types(Types<std::uint32_t, std::int32_t, std::uint64_t, std::int64_t>{}, [&]<class T>(const std::string& name) {
    using U = Unsigned<T>;  // carries are those of unsigned numbers whatever the type says
    const std::string letters = is_three ? operand_letters<U, U, U, U>() : operand_letters<U, U, U>();
    table[first + mode + ".cc." + name] = {with_carry<F, Carry::kOut, is_three, U>, letters};
    table[then + mode + "." + name] = {with_carry<F, Carry::kIn, is_three, U>, letters};
    table[then + mode + ".cc." + name] = {with_carry<F, Carry::kBoth, is_three, U>, letters};
  });
}

}  // namespace

void add_integer_opcodes(OpcodeTable& table) {
  for_types(Integers16To64{}, [&]<class T>(const std::string& type) {
    add_map<Add, T, T, T>(table, "add." + type);
    add_map<Sub, T, T, T>(table, "sub." + type);
    add_map<MulLo, T, T, T>(table, "mul.lo." + type);
    add_map<MulHi, T, T, T>(table, "mul.hi." + type);
    add_map<MadLo, T, T, T, T>(table, "mad.lo." + type);
    add_map<MadHi, T, T, T, T>(table, "mad.hi." + type);
    add_map<Div, T, T, T>(table, "div." + type);
    add_map<Rem, T, T, T>(table, "rem." + type);
    add_map<Min, T, T, T>(table, "min." + type);
    add_map<Max, T, T, T>(table, "max." + type);
    add_map<Sad, T, T, T, T>(table, "sad." + type);
    if constexpr (sizeof(T) < 8) {
      add_map<MulWide, Wide<T>, T, T>(table, "mul.wide." + type);
      add_map<MadWide, Wide<T>, T, T, Wide<T>>(table, "mad.wide." + type);
    }
  });
  for_types(Signed16To64{}, [&]<class T>(const std::string& type) {
    add_map<Neg, T, T>(table, "neg." + type);
    add_map<Abs, T, T>(table, "abs." + type);
  });
  add_map<AddSaturated, std::int32_t, std::int32_t, std::int32_t>(table, "add.sat.s32");
  add_map<SubSaturated, std::int32_t, std::int32_t, std::int32_t>(table, "sub.sat.s32");
  add_map<Mul24Lo, std::int32_t, std::int32_t, std::int32_t>(table, "mul24.lo.s32");
  add_map<Mul24Lo, std::uint32_t, std::uint32_t, std::uint32_t>(table, "mul24.lo.u32");
  using U = std::uint32_t;
  add_map<Dp4a<std::uint8_t, std::uint8_t>, U, U, U, U>(table, "dp4a.u32.u32");
  add_map<Dp4a<std::uint8_t, std::int8_t>, U, U, U, U>(table, "dp4a.u32.s32");
  add_map<Dp4a<std::int8_t, std::uint8_t>, U, U, U, U>(table, "dp4a.s32.u32");
  add_map<Dp4a<std::int8_t, std::int8_t>, U, U, U, U>(table, "dp4a.s32.s32");
  add_carry<AddCarry, false>(table, "add", "addc", "");
  add_carry<SubBorrow, false>(table, "sub", "subc", "");
  add_carry<MadLoCarry, true>(table, "mad", "madc", ".lo");
  add_carry<MadHiCarry, true>(table, "mad", "madc", ".hi");
}

}  // namespace emu::ptx
