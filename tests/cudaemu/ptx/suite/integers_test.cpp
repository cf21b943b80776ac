// Integer arithmetic and bits of PTX are those of C++.
#include <algorithm>

#include "tests/cudaemu/ptx/suite/snippet.h"

namespace ptx_test {
namespace {

__extension__ using Int128 = __int128;

template <class T>
Int128 exact(T a) {
  return a;
}

template <class T>
void check_arithmetic(const std::string& type) {
  constexpr int kBits = 8 * sizeof(T);
  check_opcode("add." + type, [](T a, T b) { return T(exact(a) + exact(b)); });
  check_opcode("sub." + type, [](T a, T b) { return T(exact(a) - exact(b)); });
  check_opcode("mul.lo." + type, [](T a, T b) { return T(exact(a) * exact(b)); });
  check_opcode("mad.lo." + type, [](T a, T b, T c) { return T(exact(a) * exact(b) + exact(c)); });
  __extension__ using Product = std::conditional_t<std::is_signed_v<T>, __int128, unsigned __int128>;
  check_opcode("mul.hi." + type, [](T a, T b) { return T(Product(a) * Product(b) >> kBits); });
  check_opcode("mad.hi." + type,
               [](T a, T b, T c) { return T(exact(T(Product(a) * Product(b) >> kBits)) + exact(c)); });
  check_opcode("min." + type, [](T a, T b) { return a < b ? a : b; });
  check_opcode("max." + type, [](T a, T b) { return a < b ? b : a; });
  check_opcode("sad." + type,
               [](T a, T b, T c) { return T(exact(c) + (a < b ? exact(b) - exact(a) : exact(a) - exact(b))); });
  check_opcode("div." + type, [](T a, T b) { return b == 0 ? T(-1) : T(exact(a) / exact(b)); });
  check_opcode("rem." + type, [](T a, T b) { return b == 0 ? a : T(exact(a) % exact(b)); });
  check_opcode("shr." + type, [](T a, std::uint32_t n) { return T(exact(a) >> std::min<std::uint32_t>(n, 64)); });
  if constexpr (std::is_signed_v<T>) {
    check_opcode("neg." + type, [](T a) { return T(-exact(a)); });
    check_opcode("abs." + type, [](T a) { return T(exact(a) < 0 ? -exact(a) : exact(a)); });
  }
}

template <class T, class W>
void check_wide(const std::string& type) {
  check_opcode("mul.wide." + type, [](T a, T b) { return W(exact(a) * exact(b)); });
  check_opcode("mad.wide." + type, [](T a, T b, W c) { return W(exact(a) * exact(b) + exact(c)); });
}

template <class T>
void check_logic(const std::string& width) {
  check_opcode("and.b" + width, [](T a, T b) { return T(a & b); });
  check_opcode("or.b" + width, [](T a, T b) { return T(a | b); });
  check_opcode("xor.b" + width, [](T a, T b) { return T(a ^ b); });
  check_opcode("not.b" + width, [](T a) { return T(~a); });
  check_opcode("shl.b" + width, [](T a, std::uint32_t n) { return n > 63 ? T(0) : T(std::uint64_t{a} << n); });
  check_opcode("shr.b" + width, [](T a, std::uint32_t n) { return n > 63 ? T(0) : T(std::uint64_t{a} >> n); });
  for (const char* kind : {"b", "u", "s"})
    check_opcode("mov." + (kind + width), [](T a) { return a; });
}

template <class T>
void check_counts(const std::string& width) {
  using U = std::uint32_t;
  check_opcode("popc.b" + width, [](T a) {
    U count = 0;
    for (; a != 0; a &= a - 1)
      ++count;
    return count;
  });
  check_opcode("clz.b" + width, [](T a) {
    U count = 8 * sizeof(T);
    for (; a != 0; a >>= 1)
      --count;
    return count;
  });
  check_opcode("brev.b" + width, [](T a) {
    T result = 0;
    for (unsigned k = 0; k < 8 * sizeof(T); ++k, a >>= 1)
      result = T(2 * result + (a & 1));
    return result;
  });
}

/// Fields, bit by bit as the PTX ISA writes it down.
template <class T>
void check_fields(const std::string& type) {
  using U = std::uint32_t;
  using Bits = std::make_unsigned_t<T>;
  static constexpr U kLast = 8 * sizeof(T) - 1;
  check_opcode("bfe." + type, [](T a, U b, U c) {
    const U position = b & 0xff, length = c & 0xff;
    const auto bit = [a](U k) { return Bits(Bits(a) >> k & 1); };
    const Bits sign = std::is_unsigned_v<T> || length == 0 ? Bits(0) : bit(std::min(position + length - 1, kLast));
    Bits result = 0;
    for (U k = 0; k <= kLast; ++k)
      result |= (k < length && position + k <= kLast ? bit(position + k) : sign) << k;
    return T(result);
  });
  check_opcode("bfind." + type, [](T a) {
    const auto u = Bits(a < 0 ? ~a : a);
    for (U k = kLast + 1; k-- > 0;) {
      if (u >> k & 1)
        return k;
    }
    return ~U{0};
  });
  check_opcode("bfind.shiftamt." + type, [](T a) {
    const auto u = Bits(a < 0 ? ~a : a);
    for (U k = kLast + 1; k-- > 0;) {
      if (u >> k & 1)
        return kLast - k;
    }
    return ~U{0};
  });
}

template <class T>
void check_insert(const std::string& width) {
  using U = std::uint32_t;
  check_snippet("bfi.b" + width + " r, a, b, c, 9;", [](T a, T b, U c) {
    for (U k = 0; k < 9 && (c & 0xff) + k < 8 * sizeof(T); ++k) {
      const T bit = T(T{1} << ((c & 0xff) + k));
      b = a >> k & 1 ? T(b | bit) : T(b & ~bit);
    }
    return b;
  });
}

BOOST_AUTO_TEST_SUITE(ptx_integers)

BOOST_AUTO_TEST_CASE(arithmetic_of_all_widths) {
  for_types(Integers16To64{}, []<class T>(const std::string& type) { check_arithmetic<T>(type); });
  check_wide<std::int16_t, std::int32_t>("s16");
  check_wide<std::uint16_t, std::uint32_t>("u16");
  check_wide<std::int32_t, std::int64_t>("s32");
  check_wide<std::uint32_t, std::uint64_t>("u32");
}

BOOST_AUTO_TEST_CASE(saturation_and_short_products) {
  const auto clamped = [](Int128 x) { return std::int32_t(std::clamp<Int128>(x, INT32_MIN, INT32_MAX)); };
  check_opcode("add.sat.s32", [=](std::int32_t a, std::int32_t b) { return clamped(exact(a) + b); });
  check_opcode("sub.sat.s32", [=](std::int32_t a, std::int32_t b) { return clamped(exact(a) - b); });
  const auto low24 = [](std::int32_t a) { return (a & 0xffffff) - (a & 0x800000 ? 0x1000000 : 0); };
  check_opcode("mul24.lo.s32",
               [=](std::int32_t a, std::int32_t b) { return std::int32_t(exact(low24(a)) * exact(low24(b))); });
  check_opcode("mul24.lo.u32", [](std::uint32_t a, std::uint32_t b) {
    return std::uint32_t(exact(a & 0xffffffu) * exact(b & 0xffffffu));
  });
}

BOOST_AUTO_TEST_CASE(dot_products_of_bytes) {
  using U = std::uint32_t;
  const auto dot = []<class A, class B>(A, B) {
    return [](U a, U b, U c) {
      Int128 sum = c;
      for (unsigned k = 0; k < 4; ++k)
        sum += exact(A(a >> 8 * k)) * exact(B(b >> 8 * k));
      return U(sum);
    };
  };
  check_opcode("dp4a.u32.u32", dot(std::uint8_t{}, std::uint8_t{}));
  check_opcode("dp4a.u32.s32", dot(std::uint8_t{}, std::int8_t{}));
  check_opcode("dp4a.s32.u32", dot(std::int8_t{}, std::uint8_t{}));
  check_opcode("dp4a.s32.s32", dot(std::int8_t{}, std::int8_t{}));
}

/// Numbers of two words by operations on one word: their upper words.
template <class U, class Wide>
void check_carries(const std::string& type) {
  constexpr int kBits = 8 * sizeof(U);
  const auto join = [](U high, U low) { return Wide(Wide(high) << kBits | low); };
  const std::string t = "." + type;
  check_snippet("add.cc" + t + " r, a, b;\naddc" + t + " r, c, e;",
                [=](U a, U b, U c, U e) { return U((join(c, a) + join(e, b)) >> kBits); });
  check_snippet("add.cc" + t + " r, a, b;\naddc.cc" + t + " r, a, b;\naddc" + t + " r, c, e;", [=](U a, U b, U c, U e) {
    const bool carry = (join(a, a) + join(b, b) < join(a, a));
    return U(c + e + carry);
  });
  check_snippet("sub.cc" + t + " r, a, b;\nsubc" + t + " r, c, e;",
                [=](U a, U b, U c, U e) { return U((join(c, a) - join(e, b)) >> kBits); });
  check_snippet("sub.cc" + t + " r, a, b;\nsubc.cc" + t + " r, a, b;\nsubc" + t + " r, c, e;",
                [=](U a, U b, U c, U e) { return U(c - e - (join(a, a) < join(b, b))); });
  check_snippet("mad.lo.cc" + t + " r, a, b, c;\nmadc.hi" + t + " r, a, b, e;",
                [=](U a, U b, U c, U e) { return U((Wide(a) * Wide(b) + join(e, c)) >> kBits); });
  check_snippet("mad.hi.cc" + t + " r, a, b, c;\nmadc.lo" + t + " r, a, b, e;", [=](U a, U b, U c, U e) {
    const Wide product = Wide(a) * Wide(b);
    return U(U(product) + e + (U(U(product >> kBits) + c) < c));
  });
  // The carry out of a sum that takes one in.
  for (const char* part : {"lo", "hi"}) {
    const bool is_low = part == std::string("lo");
    check_snippet(
        std::string("add.cc") + t + " r, a, c;\nmadc." + part + ".cc" + t + " r, a, b, c;\naddc" + t + " r, e, 0;",
        [=](U a, U b, U c, U e) {
          const Wide product = Wide(a) * Wide(b);
          const U word = is_low ? U(product) : U(product >> kBits);
          const bool in = U(a + c) < a;
          return U(e + U((Wide(word) + c + in) >> kBits));
        });
  }
}

BOOST_AUTO_TEST_CASE(carries_join_words) {
  __extension__ using Wide64 = unsigned __int128;
  for (const char* type : {"u32", "s32"})
    check_carries<std::uint32_t, std::uint64_t>(type);
  for (const char* type : {"u64", "s64"})
    check_carries<std::uint64_t, Wide64>(type);
}

BOOST_AUTO_TEST_CASE(all_integer_opcodes_are_tested) {
  check_all_used(add_integer_opcodes);
}

BOOST_AUTO_TEST_CASE(logic_shifts_and_moves) {
  check_logic<std::uint16_t>("16");
  check_logic<std::uint32_t>("32");
  check_logic<std::uint64_t>("64");
  check_opcode("mov.f32", [](float a) { return a; });
  check_opcode("mov.f64", [](double a) { return a; });
}

BOOST_AUTO_TEST_CASE(counts_fields_and_reversals) {
  check_counts<std::uint32_t>("32");
  check_counts<std::uint64_t>("64");
  check_fields<std::int32_t>("s32");
  check_fields<std::uint32_t>("u32");
  check_fields<std::int64_t>("s64");
  check_fields<std::uint64_t>("u64");
  check_insert<std::uint32_t>("32");
  check_insert<std::uint64_t>("64");
}

BOOST_AUTO_TEST_CASE(words_from_two) {
  using U = std::uint32_t;
  using W = std::uint64_t;
  const auto join = [](U a, U b) { return W{b} << 32 | a; };
  check_opcode("shf.l.wrap.b32", [=](U a, U b, U n) { return U(join(a, b) << (n % 32) >> 32); });
  check_opcode("shf.r.wrap.b32", [=](U a, U b, U n) { return U(join(a, b) >> (n % 32)); });
  check_opcode("shf.l.clamp.b32", [=](U a, U b, U n) { return n >= 32 ? a : U(join(a, b) << n >> 32); });
  check_opcode("shf.r.clamp.b32", [=](U a, U b, U n) { return n >= 32 ? b : U(join(a, b) >> n); });
  check_opcode("prmt.b32", [](U a, U b, U c) {
    const U bytes[8] = {a & 255, a >> 8 & 255, a >> 16 & 255, a >> 24, b & 255, b >> 8 & 255, b >> 16 & 255, b >> 24};
    U result = 0;
    for (unsigned k = 0; k < 4; ++k) {
      const U choice = c >> 4 * k & 15;
      const U byte = bytes[choice % 8];
      result |= (choice < 8 ? byte : byte >= 128 ? 255u : 0u) << 8 * k;
    }
    return result;
  });
  check_snippet("lop3.b32 r, a, b, c, 0xE8;", [](U a, U b, U c) { return U((a & b) | (a & c) | (b & c)); });
  check_snippet("lop3.b32 r, a, b, c, 0x96;", [](U a, U b, U c) { return U(a ^ b ^ c); });
}

BOOST_AUTO_TEST_CASE(vectors_of_parts) {
  using U = std::uint32_t;
  using H = std::uint16_t;
  check_snippet("mov.b64 r, {a, b};", [](U a, U b) { return std::uint64_t{b} << 32 | a; });
  check_snippet("mov.b32 r, {a, b};", [](H a, H b) { return U(U{b} << 16 | a); });
  check_snippet("mov.b64 r, {a, b, c, e};", [](H a, H b, H c, H e) {
    return std::uint64_t{e} << 48 | std::uint64_t{c} << 32 | std::uint64_t{b} << 16 | a;
  });
  check_snippet("mov.b32 r, {0, a};", [](H a) { return U(U{a} << 16); });
  check_snippet("mov.b64 {_, r}, a;", [](std::uint64_t a) { return U(a >> 32); });
  check_snippet("mov.b64 {r, _}, a;", [](std::uint64_t a) { return U(a); });
  check_snippet("mov.b32 {_, r}, a;", [](U a) { return H(a >> 16); });
  check_snippet("mov.b64 {_, _, r, _}, a;", [](std::uint64_t a) { return H(a >> 32); });
}

BOOST_AUTO_TEST_CASE(numbers_and_addresses_as_operands) {
  using U = std::uint32_t;
  check_snippet("add.s32 r, a, -7;", [](std::int32_t a) { return std::int32_t(U(a) - 7u); });
  check_snippet("xor.b32 r, a, 0xF0F0F0F0;", [](U a) { return a ^ 0xf0f0f0f0u; });
  check_snippet("add.f32 r, a, 0f3F800000;", [](float a) { return a + 1.0f; });
  check_snippet("add.f64 r, a, 0dBFE0000000000000;", [](double a) { return a - 0.5; });
  check_snippet("and.b16 r, a, -2;", [](std::uint16_t a) { return std::uint16_t(a & 0xfffe); });
  check_snippet("mov.u64 r, -3;\nadd.s64 r, r, a;", [](std::int64_t a) { return std::int64_t(std::uint64_t(a) - 3u); });
}

BOOST_AUTO_TEST_CASE(all_bit_opcodes_are_tested) {
  check_all_used(add_bit_opcodes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ptx_test
