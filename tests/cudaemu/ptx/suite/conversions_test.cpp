// cvt of PTX is the conversion of C++ where that is defined, and clamps where it is not.
#include <algorithm>
#include <cfenv>

#include "tests/cudaemu/ptx/suite/snippet.h"

namespace ptx_test {
namespace {

__extension__ using Int128 = __int128;

using Integers = Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                       std::int64_t, std::uint64_t>;

/// The register of an integer of 1 byte has 2, so values go in and out by way of wider ones.
template <class T>
using InRegister = std::conditional_t<sizeof(T) == 1, std::uint16_t, std::make_unsigned_t<T>>;

template <class D>
auto widened(D value) {
  return static_cast<InRegister<D>>(value);
}

template <class D, class S>
D clamped(S s) {
  using Limits = std::numeric_limits<D>;
  return static_cast<D>(std::clamp<Int128>(Int128{s}, Int128{Limits::min()}, Int128{Limits::max()}));
}

/// A number that is integral already, as the nearest D.
template <class D, class S>
D integer_of(S s) {
  using Limits = std::numeric_limits<D>;
  if (std::isnan(s))
    return sizeof(S) == 8 || sizeof(D) == 8 ? static_cast<D>(std::uint64_t{1} << (8 * sizeof(D) - 1)) : D{0};
  if (s >= std::ldexp(1.0, 8 * sizeof(D)))
    return Limits::max();
  if (s <= -std::ldexp(1.0, 8 * sizeof(D)))
    return Limits::min();
  __extension__ using Exact = __int128;
  return static_cast<D>(std::clamp<Int128>(static_cast<Exact>(s), Int128{Limits::min()}, Int128{Limits::max()}));
}

template <class D, class S>
void check_integers(const std::string& d, const std::string& s) {
  check_opcode("cvt." + d + "." + s, [](InRegister<S> a) { return widened(static_cast<D>(static_cast<S>(a))); });
  check_opcode("cvt.sat." + d + "." + s, [](InRegister<S> a) { return widened(clamped<D>(static_cast<S>(a))); });
}

struct Rounding {
  const char* name;
  int mode;
  double (*round)(double);
};
const Rounding kRoundings[] = {
    {"rn", FE_TONEAREST, [](double a) { return std::nearbyint(a); }},
    {"rz", FE_TOWARDZERO, [](double a) { return std::trunc(a); }},
    {"rm", FE_DOWNWARD, [](double a) { return std::floor(a); }},
    {"rp", FE_UPWARD, [](double a) { return std::ceil(a); }},
};

/// The neighbour of an exact number in T that a rounding chooses, found by looking at both.
template <class T, class Exact>
T rounded(Exact exact, int mode) {
  const volatile auto near = static_cast<T>(exact);
  const T nearest = near;
  const auto wide = static_cast<long double>(exact);  // 64 bits of mantissa hold every integer here
  if (static_cast<long double>(nearest) == wide || std::isnan(nearest) || mode == FE_TONEAREST)
    return nearest;
  const bool is_above = static_cast<long double>(nearest) > wide;
  const bool should_be_above = mode == FE_UPWARD || (mode == FE_TOWARDZERO && wide < 0);
  if (is_above == should_be_above)
    return nearest;
  return std::nextafter(nearest, is_above ? -std::numeric_limits<T>::infinity() : std::numeric_limits<T>::infinity());
}

template <class T>
void check_with_integers(const std::string& type) {
  for (const Rounding& r : kRoundings) {
    for_types(Integers{}, [&]<class I>(const std::string& integer) {
      check_opcode(std::string("cvt.") + r.name + "." + type + "." + integer,
                   [&](InRegister<I> a) { return rounded<T>(static_cast<I>(a), r.mode); });
      for (const char* saturation : {"i.", "i.sat."})
        check_opcode(std::string("cvt.") + r.name + saturation + integer + "." + type,
                     [&](T a) { return widened(integer_of<I>(T(r.round(a)))); });
    });
    check_opcode(std::string("cvt.") + r.name + "i." + type + "." + type, [&](T a) { return T(r.round(a)); });
  }
  check_opcode("cvt.sat." + type + "." + type, [](T a) { return a > 1 ? T(1) : a > 0 ? a : T(0); });
}

/// Narrow numbers by search: all of them, decoded, and the one that is nearest, ties to even codes.
struct NarrowFormat {
  int mantissa, exponent;
  double decode(unsigned code) const {
    const int bias = (1 << (exponent - 1)) - 1;
    const int e = static_cast<int>(code >> mantissa), m = static_cast<int>(code & ((1u << mantissa) - 1));
    return e == 0 ? std::ldexp(m, 1 - bias - mantissa) : std::ldexp(m + (1 << mantissa), e - bias - mantissa);
  }
  unsigned infinity() const { return ((1u << exponent) - 1) << mantissa; }
  std::uint16_t encode(float value, bool is_nearest) const {
    if (std::isnan(value))
      return 0x7fff;
    const double magnitude = std::fabs(static_cast<double>(value));
    unsigned low = 0, high = infinity();  // decode(low) <= magnitude < decode(high), as far as there is a high
    while (high - low > 1) {
      const unsigned middle = (low + high) / 2;
      (decode(middle) <= magnitude ? low : high) = middle;
    }
    const double below = magnitude - decode(low), above = decode(high) - magnitude;
    unsigned code = is_nearest && (above < below || (above == below && low % 2 == 1)) ? high : low;
    if (std::isinf(value))
      code = infinity();
    return static_cast<std::uint16_t>(code | (std::signbit(value) ? 0x8000u : 0u));
  }
  float widen(std::uint16_t code) const {
    const unsigned magnitude = code & 0x7fffu;
    const double value = magnitude > infinity() ? NAN : magnitude == infinity() ? INFINITY : decode(magnitude);
    return static_cast<float>(code & 0x8000 ? -value : value);
  }
};

void check_narrow(const std::string& type, NarrowFormat format) {
  for (const bool is_nearest : {true, false}) {
    const std::string name = std::string("cvt.") + (is_nearest ? "rn." : "rz.") + type;
    check_opcode(name + ".f32", [=](float a) { return format.encode(a, is_nearest); });
    check_opcode(name + "x2.f32", [=](float a, float b) {
      return std::uint32_t{format.encode(a, is_nearest)} << 16 | format.encode(b, is_nearest);
    });
  }
  const std::string widen = "cvt.f32." + type + " r, a;";
  std::vector<std::tuple<std::uint16_t>> all;
  for (unsigned code = 0; code < 0x10000; ++code)
    all.push_back(static_cast<std::uint16_t>(code));
  const std::vector<float> wide = evaluate<float>(widen, all);
  int failures = 0;
  for (unsigned code = 0; code < 0x10000; ++code)
    failures += is_same(wide[code], format.widen(static_cast<std::uint16_t>(code))) ? 0 : 1;
  BOOST_TEST(failures == 0, widen);
}

BOOST_AUTO_TEST_SUITE(ptx_conversions)

BOOST_AUTO_TEST_CASE(between_integers) {
  for_types(Integers{}, []<class D>(const std::string& d) {
    for_types(Integers{}, [&]<class S>(const std::string& s) { check_integers<D, S>(d, s); });
  });
}

BOOST_AUTO_TEST_CASE(registers_wider_than_the_type) {
  check_snippet("cvt.s32.s8 r, a;", [](std::uint32_t a) { return std::int32_t(std::int8_t(a)); });
  check_snippet("cvt.u32.u8 r, a;", [](std::uint32_t a) { return std::uint32_t(std::uint8_t(a)); });
  check_snippet("cvt.s8.s32 r, a;", [](std::int32_t a) { return std::int16_t(std::int8_t(a)); });
  check_snippet("cvt.s64.s16 r, a;", [](std::uint64_t a) { return std::int64_t(std::int16_t(a)); });
  check_snippet("cvt.rn.f32.s8 r, a;", [](std::uint32_t a) { return float(std::int8_t(a)); });
}

BOOST_AUTO_TEST_CASE(between_integers_and_floats) {
  check_with_integers<float>("f32");
  check_with_integers<double>("f64");
}

BOOST_AUTO_TEST_CASE(between_floats) {
  check_opcode("cvt.f64.f32", [](float a) { return double(a); });
  for (const Rounding& r : kRoundings)
    check_opcode(std::string("cvt.") + r.name + ".f32.f64", [&](double a) { return rounded<float>(a, r.mode); });
  check_opcode("cvt.ftz.f32.f32",
               [](float a) { return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(0.0f, a) : a; });
}

BOOST_AUTO_TEST_CASE(narrow_floats_are_the_nearest_of_all) {
  check_narrow("bf16", {7, 8});
  check_narrow("f16", {10, 5});
}

BOOST_AUTO_TEST_CASE(all_conversions_are_tested) {
  check_all_used(add_conversion_opcodes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ptx_test
