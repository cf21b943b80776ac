// Floating-point arithmetic, comparisons and choices of PTX are those of C++ and IEEE 754.
#include <cfenv>

#include "tests/cudaemu/ptx/suite/snippet.h"

namespace ptx_test {
namespace {

template <class T>
T flushed(T a) {
  return std::fpclassify(a) == FP_SUBNORMAL ? std::copysign(T(0), a) : a;
}
template <class T>
T saturated(T a) {
  return std::isnan(a) ? T(0) : std::fmin(std::fmax(a, T(0)), T(1)) + T(0);
}

/// Calculates with another rounding. The volatile copies keep the compiler from calculating at another time.
template <class F, class... T>
auto rounded(int mode, F f, T... values) {
  std::fesetround(mode);
  const auto calculate = [&](volatile T... v) {
    volatile auto result = f(T(v)...);
    return result;
  };
  const auto result = calculate(values...);
  std::fesetround(FE_TONEAREST);
  return result;
}

template <class T>
void check_arithmetic(const std::string& type) {
  for (const char* round : {".", ".rn."}) {
    check_opcode("add" + (round + type), [](T a, T b) { return a + b; });
    check_opcode("sub" + (round + type), [](T a, T b) { return a - b; });
    check_opcode("mul" + (round + type), [](T a, T b) { return a * b; });
  }
  check_opcode("fma.rn." + type, [](T a, T b, T c) { return std::fma(a, b, c); });
  check_opcode("mad.rn." + type, [](T a, T b, T c) { return std::fma(a, b, c); });
  check_opcode("div.rn." + type, [](T a, T b) { return a / b; });
  check_opcode("rcp.rn." + type, [](T a) { return 1 / a; });
  check_opcode("sqrt.rn." + type, [](T a) { return std::sqrt(a); });
  check_opcode("neg." + type, [](T a) { return -a; });
  check_opcode("abs." + type, [](T a) { return std::fabs(a); });
  check_opcode("copysign." + type, [](T a, T b) { return std::copysign(b, a); });
  check_opcode("min." + type,
               [](T a, T b) { return a == b && std::signbit(a) != std::signbit(b) ? T(-0.0) : std::fmin(a, b); });
  check_opcode("max." + type,
               [](T a, T b) { return a == b && std::signbit(a) != std::signbit(b) ? T(0) : std::fmax(a, b); });
  check_opcode("rsqrt.approx." + type, [](T a) { return T(1 / std::sqrt(double(a))); });
}

template <class T>
void check_rounding(int mode, const std::string& end) {
  check_opcode("add" + end, [=](T a, T b) {
    return rounded(
        mode, [](T x, T y) { return x + y; }, a, b);
  });
  check_opcode("sub" + end, [=](T a, T b) {
    return rounded(
        mode, [](T x, T y) { return x - y; }, a, b);
  });
  check_opcode("mul" + end, [=](T a, T b) {
    return rounded(
        mode, [](T x, T y) { return x * y; }, a, b);
  });
  check_opcode("div" + end, [=](T a, T b) {
    return rounded(
        mode, [](T x, T y) { return x / y; }, a, b);
  });
  check_opcode("rcp" + end, [=](T a) {
    return rounded(
        mode, [](T x) { return 1 / x; }, a);
  });
  check_opcode("sqrt" + end, [=](T a) {
    return rounded(
        mode, [](T x) { return std::sqrt(x); }, a);
  });
  check_opcode("fma" + end, [=](T a, T b, T c) {
    return rounded(
        mode, [](T x, T y, T z) { return std::fma(x, y, z); }, a, b, c);
  });
}

/// setp in all its forms for one comparison; `holds` is what C++ says.
template <class T, class F>
void check_comparison(const std::string& name, const std::string& type, F holds) {
  const std::string opcode = "setp." + name;
  check_opcode(opcode + "." + type, [=](T a, T b) { return holds(a, b); });
  check_snippet(opcode + "." + type + " p|r, a, b;", [=](T a, T b) { return !holds(a, b); });
  check_opcode(opcode + ".and." + type, [=](T a, T b, bool c) { return holds(a, b) && c; });
  check_opcode(opcode + ".or." + type, [=](T a, T b, bool c) { return holds(a, b) || c; });
  check_opcode(opcode + ".xor." + type, [=](T a, T b, bool c) { return holds(a, b) != c; });
  check_snippet(opcode + ".and." + type + " p|r, a, b, !c;", [=](T a, T b, bool c) { return !holds(a, b) && !c; });
}

template <class T>
void check_equalities(const std::string& type) {
  check_comparison<T>("eq", type, [](T a, T b) { return a == b; });
  check_comparison<T>("ne", type, [](T a, T b) { return a < b || a > b; });
}

template <class T>
void check_orders(const std::string& type) {
  check_equalities<T>(type);
  check_comparison<T>("lt", type, [](T a, T b) { return a < b; });
  check_comparison<T>("le", type, [](T a, T b) { return a <= b; });
  check_comparison<T>("gt", type, [](T a, T b) { return a > b; });
  check_comparison<T>("ge", type, [](T a, T b) { return a >= b; });
}

template <class T>
void check_unordered(const std::string& type) {
  check_comparison<T>("equ", type, [](T a, T b) { return !(a < b || a > b); });
  check_comparison<T>("neu", type, [](T a, T b) { return !(a == b); });
  check_comparison<T>("ltu", type, [](T a, T b) { return !(a >= b); });
  check_comparison<T>("leu", type, [](T a, T b) { return !(a > b); });
  check_comparison<T>("gtu", type, [](T a, T b) { return !(a <= b); });
  check_comparison<T>("geu", type, [](T a, T b) { return !(a < b); });
  check_comparison<T>("num", type, [](T a, T b) { return !std::isnan(a) && !std::isnan(b); });
  check_comparison<T>("nan", type, [](T a, T b) { return std::isnan(a) || std::isnan(b); });
}

template <class T>
void check_tests(const std::string& type) {
  check_opcode("testp.finite." + type, [](T a) { return bool(std::isfinite(a)); });
  check_opcode("testp.infinite." + type, [](T a) { return bool(std::isinf(a)); });
  check_opcode("testp.number." + type, [](T a) { return !std::isnan(a); });
  check_opcode("testp.notanumber." + type, [](T a) { return bool(std::isnan(a)); });
  check_opcode("testp.normal." + type, [](T a) { return bool(std::isnormal(a)); });
  check_opcode("testp.subnormal." + type, [](T a) { return std::fpclassify(a) == FP_SUBNORMAL; });
}

/// The upper word alone, without subnormal numbers.
double upper(double a) {
  return std::isnan(a) ? a : std::bit_cast<double>(std::bit_cast<std::uint64_t>(a) >> 32 << 32);
}

BOOST_AUTO_TEST_SUITE(ptx_floats)

BOOST_AUTO_TEST_CASE(arithmetic_to_nearest) {
  check_arithmetic<float>("f32");
  check_arithmetic<double>("f64");
}

BOOST_AUTO_TEST_CASE(arithmetic_in_other_roundings) {
  check_rounding<float>(FE_TOWARDZERO, ".rz.f32");
  check_rounding<float>(FE_DOWNWARD, ".rm.f32");
  check_rounding<float>(FE_UPWARD, ".rp.f32");
  check_rounding<double>(FE_TOWARDZERO, ".rz.f64");
  check_rounding<double>(FE_DOWNWARD, ".rm.f64");
  check_rounding<double>(FE_UPWARD, ".rp.f64");
}

BOOST_AUTO_TEST_CASE(the_roundings_differ) {
  const std::vector<std::tuple<float, float>> third{{1.0f, 3.0f}};
  const float down = evaluate<float>("div.rm.f32 r, a, b;", third)[0],
              up = evaluate<float>("div.rp.f32 r, a, b;", third)[0];
  BOOST_TEST(down < up);
  BOOST_TEST(std::nextafter(down, 1.0f) == up);
  BOOST_TEST(evaluate<float>("div.rz.f32 r, a, b;", third)[0] == down);
}

BOOST_AUTO_TEST_CASE(saturation_and_flushed_subnormal_numbers) {
  for (const char* round : {"", ".rn"}) {
    const std::string r = round;
    check_opcode("add" + r + ".sat.f32", [](float a, float b) { return saturated(a + b); });
    check_opcode("mul" + r + ".sat.f32", [](float a, float b) { return saturated(a * b); });
    check_opcode("add" + r + ".ftz.f32", [](float a, float b) { return flushed(flushed(a) + flushed(b)); });
    check_opcode("sub" + r + ".ftz.f32", [](float a, float b) { return flushed(flushed(a) - flushed(b)); });
    check_opcode("mul" + r + ".ftz.f32", [](float a, float b) { return flushed(flushed(a) * flushed(b)); });
  }
  check_opcode("fma.rn.sat.f32", [](float a, float b, float c) { return saturated(std::fma(a, b, c)); });
  check_opcode("fma.rn.ftz.f32",
               [](float a, float b, float c) { return flushed(std::fma(flushed(a), flushed(b), flushed(c))); });
  check_opcode("min.NaN.f32", [](float a, float b) {
    return std::isnan(a) || std::isnan(b) ? NAN : a == b ? (std::signbit(a) ? a : b) : a < b ? a : b;
  });
  check_opcode("max.NaN.f32", [](float a, float b) {
    return std::isnan(a) || std::isnan(b) ? NAN : a == b ? (std::signbit(a) ? b : a) : a > b ? a : b;
  });
}

/// Both forms of an approximation of a function of one float.
void check_approximation(const std::string& name, float (*f)(float)) {
  check_opcode(name + ".approx.f32", [=](float a) { return f(a); });
  check_opcode(name + ".approx.ftz.f32", [=](float a) { return flushed(f(flushed(a))); });
}

BOOST_AUTO_TEST_CASE(approximations) {
  check_approximation("rcp", [](float a) { return 1 / a; });
  check_approximation("sqrt", [](float a) { return std::sqrt(a); });
  check_approximation("rsqrt", [](float a) { return float(1 / std::sqrt(double(a))); });
  check_approximation("ex2", [](float a) { return std::exp2(a); });
  check_approximation("lg2", [](float a) { return std::log2(a); });
  check_approximation("sin", [](float a) { return std::sin(a); });
  check_approximation("cos", [](float a) { return std::cos(a); });
  check_opcode("tanh.approx.f32", [](float a) { return std::tanh(a); });
  for (const char* kind : {"div.approx", "div.full"}) {
    const std::string name = kind;
    check_opcode(name + ".f32", [](float a, float b) { return a / b; });
    check_opcode(name + ".ftz.f32", [](float a, float b) { return flushed(flushed(a) / flushed(b)); });
  }
  check_opcode("rcp.approx.ftz.f64", [](double a) { return upper(flushed(1 / flushed(upper(a)))); });
  check_opcode("rsqrt.approx.ftz.f64", [](double a) { return upper(flushed(1 / std::sqrt(flushed(upper(a))))); });
}

BOOST_AUTO_TEST_CASE(all_float_opcodes_are_tested) {
  check_all_used(add_float_opcodes);
  check_all_used(add_rounded_opcodes);
}

BOOST_AUTO_TEST_CASE(comparisons) {
  for_types(Integers16To64{}, []<class T>(const std::string& type) {
    check_orders<T>(type);
    if constexpr (std::is_unsigned_v<T>) {
      check_equalities<T>("b" + type.substr(1));
      check_comparison<T>("lo", type, [](T a, T b) { return a < b; });
      check_comparison<T>("ls", type, [](T a, T b) { return a <= b; });
      check_comparison<T>("hi", type, [](T a, T b) { return a > b; });
      check_comparison<T>("hs", type, [](T a, T b) { return a >= b; });
    }
  });
  check_orders<float>("f32");
  check_unordered<float>("f32");
  check_orders<double>("f64");
  check_unordered<double>("f64");
  check_tests<float>("f32");
  check_tests<double>("f64");
}

BOOST_AUTO_TEST_CASE(choices_and_logic_of_predicates) {
  for_types(Integers16To64{}, []<class T>(const std::string& type) {
    check_opcode("selp." + type, [](T a, T b, bool c) { return c ? a : b; });
    if constexpr (std::is_unsigned_v<T>)
      check_opcode("selp.b" + type.substr(1), [](T a, T b, bool c) { return c ? a : b; });
  });
  check_opcode("selp.f32", [](float a, float b, bool c) { return c ? a : b; });
  check_opcode("selp.f64", [](double a, double b, bool c) { return c ? a : b; });
  check_opcode("and.pred", [](bool a, bool b) { return a && b; });
  check_opcode("or.pred", [](bool a, bool b) { return a || b; });
  check_opcode("xor.pred", [](bool a, bool b) { return a != b; });
  check_opcode("not.pred", [](bool a) { return !a; });
  check_opcode("mov.pred", [](bool a) { return a; });
  check_snippet("mov.pred r, -1;\nxor.pred r, r, a;", [](bool a) { return !a; });
}

BOOST_AUTO_TEST_CASE(guards_choose_lanes) {
  check_snippet("mov.b32 r, a;\n@c mov.b32 r, b;", [](std::uint32_t a, std::uint32_t b, bool c) { return c ? b : a; });
  check_snippet("mov.b32 r, a;\n@!c mov.b32 r, b;", [](std::uint32_t a, std::uint32_t b, bool c) { return c ? a : b; });
}

BOOST_AUTO_TEST_CASE(all_predicate_opcodes_are_tested) {
  check_all_used(add_predicate_opcodes);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ptx_test
