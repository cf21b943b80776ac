// cvt in all its forms. Compiled with -frounding-math: see rounded.cpp.
#include <algorithm>
#include <cfenv>
#include <cmath>
#include <limits>

#include "tests/cudaemu/ptx/flexible.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

using Integers = Types<std::int8_t, std::uint8_t, std::int16_t, std::uint16_t, std::int32_t, std::uint32_t,
                       std::int64_t, std::uint64_t>;

struct Mode {
  const char* name;
  int round;
};
constexpr std::array<Mode, 4> kModes{
    {{"rn", FE_TONEAREST}, {"rz", FE_TOWARDZERO}, {"rm", FE_DOWNWARD}, {"rp", FE_UPWARD}}};

template <class F, class D, class S, int mode = FE_TONEAREST>
void convert(Warp& warp, const Instruction& i, Mask lanes) {
  Lanes<S> cut;
  Lanes<D> result;
  const S* const s = read_flexible(warp, i.operand[1], i.read_bytes, cut);
  if constexpr (mode != FE_TONEAREST)
    std::fesetround(mode);
  for (unsigned lane = 0; lane < kLanes; ++lane)
    result[lane] = F{}.template operator()<D>(s[lane]);
  if constexpr (mode != FE_TONEAREST)
    std::fesetround(FE_TONEAREST);
  write_flexible(warp, i.operand[0], i.written_bytes, result, lanes);
}

template <class F, class D, class S, int mode = FE_TONEAREST>
void add_conversion(OpcodeTable& table, const std::string& modifiers) {
  const std::string name = "cvt" + modifiers + "." + std::string(type_name<D>()) + "." + std::string(type_name<S>());
  table[name] = {convert<F, D, S, mode>, "=**", 1, sizeof(D), sizeof(S)};
}

struct Cast {
  template <class D, class S>
  D operator()(S s) const {
    return static_cast<D>(s);
  }
};

/// Integers beyond the range of D become its bounds.
struct Clamp {
  template <class D, class S>
  D operator()(S s) const {
    if (std::cmp_less(s, std::numeric_limits<D>::min()))
      return std::numeric_limits<D>::min();
    return std::cmp_greater(s, std::numeric_limits<D>::max()) ? std::numeric_limits<D>::max() : static_cast<D>(s);
  }
};

struct Nearest {
  template <class T>
  T operator()(T a) const {
    return std::nearbyint(a);
  }
};
struct Trunc {
  template <class T>
  T operator()(T a) const {
    return std::trunc(a);
  }
};
struct Floor {
  template <class T>
  T operator()(T a) const {
    return std::floor(a);
  }
};
struct Ceil {
  template <class T>
  T operator()(T a) const {
    return std::ceil(a);
  }
};

/// To an integer: numbers beyond its range become its bounds. NaN becomes 0 or, where 64 bits are involved, the highest
/// bit alone (PTX ISA, section cvt).
template <class Round>
struct ToInteger {
  template <class D, class S>
  D operator()(S s) const {
    using Limits = std::numeric_limits<D>;
    if (s != s)
      return sizeof(S) == 8 || sizeof(D) == 8 ? static_cast<D>(std::uint64_t{1} << (8 * sizeof(D) - 1)) : D{0};
    const S r = Round{}(s);
    // The bounds as floating-point numbers: the lower one is exact, and the upper one plus 1 is a power of two.
    const S end = std::ldexp(S{1}, Limits::digits);
    return r >= end ? Limits::max() : r < static_cast<S>(Limits::min()) ? Limits::min() : static_cast<D>(r);
  }
};
template <class Round>
struct ToIntegral {
  template <class D>
  D operator()(D s) const {
    return Round{}(s);
  }
};
/// Into [0, 1]; NaN becomes 0.
struct Saturate {
  template <class D>
  D operator()(D s) const {
    return s > 1 ? D{1} : s > 0 ? s : D{0};
  }
};
struct Flush {
  template <class D>
  D operator()(D s) const {
    return std::fabs(s) < std::numeric_limits<D>::min() ? std::copysign(D{0}, s) : s;
  }
};

/// A float with fewer bits: of the exponent, and of the mantissa without its first.
template <int exponent, int mantissa>
struct Narrow {
  static constexpr int kBias = (1 << (exponent - 1)) - 1;
  static constexpr unsigned kInfinity = ((1u << exponent) - 1) << mantissa;

  static std::uint16_t from(float x, bool is_nearest) {
    const unsigned sign = std::signbit(x) ? 0x8000u : 0u;
    if (std::isnan(x))
      return 0x7fff;
    const auto magnitude = static_cast<double>(std::fabs(x));
    if (std::isinf(x))
      return static_cast<std::uint16_t>(sign | kInfinity);
    // Steps of the number's own power of two, or of the least one.
    const int power = magnitude == 0 ? 1 - kBias : std::max(std::ilogb(magnitude), 1 - kBias);
    const double steps = std::ldexp(magnitude, mantissa - power);
    auto code = static_cast<unsigned>(is_nearest ? std::nearbyint(steps) : std::trunc(steps));
    code += static_cast<unsigned>(power + kBias - 1) << mantissa;  // a carry out of the mantissa raises the exponent
    if (code >= kInfinity)
      code = is_nearest ? kInfinity : kInfinity - 1;
    return static_cast<std::uint16_t>(sign | code);
  }
  static float to(std::uint16_t bits) {
    const int e = bits >> mantissa & ((1 << exponent) - 1);
    const int m = bits & ((1 << mantissa) - 1);
    float magnitude;
    if (e == (1 << exponent) - 1)
      magnitude = m == 0 ? std::numeric_limits<float>::infinity() : std::numeric_limits<float>::quiet_NaN();
    else
      magnitude = std::ldexp(static_cast<float>(e == 0 ? m : m + (1 << mantissa)), std::max(e, 1) - kBias - mantissa);
    return bits & 0x8000 ? -magnitude : magnitude;
  }
};
using BFloat16 = Narrow<8, 7>;
using Half = Narrow<5, 10>;

template <class N, bool is_nearest>
struct ToNarrow {
  std::uint16_t operator()(float a) const { return N::from(a, is_nearest); }
};
template <class N>
struct FromNarrow {
  float operator()(std::uint16_t a) const { return N::to(a); }
};
/// Two of them, the first in the upper half.
template <class N, bool is_nearest>
struct ToPair {
  std::uint32_t operator()(float a, float b) const {
    return std::uint32_t{N::from(a, is_nearest)} << 16 | N::from(b, is_nearest);
  }
};

template <class N>
void add_narrow(OpcodeTable& table, const std::string& type) {
  add_map<ToNarrow<N, true>, std::uint16_t, float>(table, "cvt.rn." + type + ".f32");
  add_map<ToNarrow<N, false>, std::uint16_t, float>(table, "cvt.rz." + type + ".f32");
  add_map<ToPair<N, true>, std::uint32_t, float, float>(table, "cvt.rn." + type + "x2.f32");
  add_map<ToPair<N, false>, std::uint32_t, float, float>(table, "cvt.rz." + type + "x2.f32");
  add_map<FromNarrow<N>, float, std::uint16_t>(table, "cvt.f32." + type);
}

template <class D, class S, std::size_t... M>
void add_cast_in_modes(OpcodeTable& table, std::index_sequence<M...>) {
  (add_conversion<Cast, D, S, kModes[M].round>(table, std::string(".") + kModes[M].name), ...);
}

template <class T>
void add_rounding(OpcodeTable& table) {
  add_conversion<ToIntegral<Nearest>, T, T>(table, ".rni");
  add_conversion<ToIntegral<Trunc>, T, T>(table, ".rzi");
  add_conversion<ToIntegral<Floor>, T, T>(table, ".rmi");
  add_conversion<ToIntegral<Ceil>, T, T>(table, ".rpi");
  add_conversion<Saturate, T, T>(table, ".sat");
  for_types(Integers{}, [&]<class D>(const std::string&) {
    add_cast_in_modes<T, D>(table, std::make_index_sequence<kModes.size()>{});
    for (const char* saturation : {"", ".sat"}) {  // numbers out of range are clamped in any case
      const std::string end = saturation;
      add_conversion<ToInteger<Nearest>, D, T>(table, ".rni" + end);
      add_conversion<ToInteger<Trunc>, D, T>(table, ".rzi" + end);
      add_conversion<ToInteger<Floor>, D, T>(table, ".rmi" + end);
      add_conversion<ToInteger<Ceil>, D, T>(table, ".rpi" + end);
    }
  });
}

}  // namespace

void add_conversion_opcodes(OpcodeTable& table) {
  for_types(Integers{}, [&]<class D>(const std::string&) {
    for_types(Integers{}, [&]<class S>(const std::string&) {
      add_conversion<Cast, D, S>(table, "");
      add_conversion<Clamp, D, S>(table, ".sat");
    });
  });
  add_rounding<float>(table);
  add_rounding<double>(table);
  add_conversion<Cast, double, float>(table, "");
  add_cast_in_modes<float, double>(table, std::make_index_sequence<kModes.size()>{});
  add_conversion<Flush, float, float>(table, ".ftz");
  add_narrow<BFloat16>(table, "bf16");
  add_narrow<Half>(table, "f16");
}

}  // namespace emu::ptx
