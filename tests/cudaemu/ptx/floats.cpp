// Floating-point arithmetic, rounded to nearest. Approximations of the device are better here than there; those that
// are followed by refinement steps of their own are as coarse as there.
#include <cmath>
#include <limits>

#include "tests/cudaemu/ptx/arithmetic.h"
#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

struct ReciprocalSqrt {
  template <class T>
  T operator()(T a) const {
    return static_cast<T>(1 / std::sqrt(static_cast<double>(a)));
  }
};
// A number beats NaN, and -0 is less than 0.
struct Min {
  template <class T>
  T operator()(T a, T b) const {
    return a == b ? (std::signbit(a) ? a : b) : a < b || b != b ? a : b;
  }
};
struct Max {
  template <class T>
  T operator()(T a, T b) const {
    return a == b ? (std::signbit(a) ? b : a) : a > b || b != b ? a : b;
  }
};
/// NaN beats a number.
template <class F>
struct OrNan {
  template <class T>
  T operator()(T a, T b) const {
    return a != a || b != b ? std::numeric_limits<T>::quiet_NaN() : F{}(a, b);
  }
};
struct Neg {
  template <class T>
  T operator()(T a) const {
    return -a;
  }
};
struct Abs {
  template <class T>
  T operator()(T a) const {
    return std::fabs(a);
  }
};
/// The second operand with the sign of the first.
struct CopySign {
  template <class T>
  T operator()(T a, T b) const {
    return std::copysign(b, a);
  }
};
struct Exp2 {
  float operator()(float a) const { return std::exp2(a); }
};
struct Log2 {
  float operator()(float a) const { return std::log2(a); }
};
struct Sin {
  float operator()(float a) const { return std::sin(a); }
};
struct Cos {
  float operator()(float a) const { return std::cos(a); }
};
struct Tanh {
  float operator()(float a) const { return std::tanh(a); }
};
/// Subnormal numbers in and out count as zeros of their sign.
struct Flush {
  template <class T>
  T operator()(T a) const {
    return std::fabs(a) < std::numeric_limits<T>::min() ? std::copysign(T{0}, a) : a;
  }
};
template <class F>
struct Flushed {
  template <class... T>
  auto operator()(T... a) const {
    return Flush{}(F{}(Flush{}(a)...));
  }
};
/// Into [0, 1]; NaN becomes 0.
template <class F>
struct Saturated {
  template <class... T>
  auto operator()(T... a) const {
    const auto result = F{}(a...);
    using R = std::decay_t<decltype(result)>;
    return result > 1 ? R{1} : result > 0 ? result : R{0};
  }
};
/// F of the upper word of a number, as the upper word of a number.
template <class F>
struct UpperWord {
  double operator()(double a) const {
    const auto upper = [](double x) {
      return std::isnan(x) ? x : std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) & 0xffffffff00000000u);
    };
    return upper(Flush{}(F{}(Flush{}(upper(a)))));
  }
};

#if defined(__x86_64__)
// std::fma is a call to the library where the compiler may not assume the instruction.
template <class T>
__attribute__((target("avx2,fma"))) void fma_by_instruction(Warp& warp, const Instruction& i, Mask lanes) {
  T* const d = warp.at<T>(i.operand[0]);
  const T *const a = warp.at<T>(i.operand[1]), *const b = warp.at<T>(i.operand[2]), *const c = warp.at<T>(i.operand[3]);
  const auto fma = [](T x, T y, T z) __attribute__((target("avx2,fma"), always_inline)) {
    if constexpr (sizeof(T) == 4)
      return __builtin_fmaf(x, y, z);
    else
      return __builtin_fma(x, y, z);
  };
  if (lanes == kAll) {
    EMU_PTX_LANES
    for (int lane = 0; lane < kLanes; ++lane)
      d[lane] = fma(a[lane], b[lane], c[lane]);
  } else {
    for (; lanes != 0; lanes &= lanes - 1) {
      const int lane = std::countr_zero(lanes);
      d[lane] = fma(a[lane], b[lane], c[lane]);
    }
  }
}
#endif

template <class T>
Handler fma_handler() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("fma") && __builtin_cpu_supports("avx2"))
    return fma_by_instruction<T>;
#endif
  return map<Fma, T, T, T, T>;
}

template <class T>
void add_arithmetic(OpcodeTable& table, const std::string& type) {
  for (const char* round : {".", ".rn."}) {
    add_map<Add, T, T, T>(table, "add" + (round + type));
    add_map<Sub, T, T, T>(table, "sub" + (round + type));
    add_map<Mul, T, T, T>(table, "mul" + (round + type));
  }
  table["fma.rn." + type] = {fma_handler<T>(), operand_letters<T, T, T, T>()};
  table["mad.rn." + type] = table["fma.rn." + type];
  add_map<Div, T, T, T>(table, "div.rn." + type);
  add_map<Reciprocal, T, T>(table, "rcp.rn." + type);
  add_map<Sqrt, T, T>(table, "sqrt.rn." + type);
  add_map<ReciprocalSqrt, T, T>(table, "rsqrt.approx." + type);
  add_map<Min, T, T, T>(table, "min." + type);
  add_map<Max, T, T, T>(table, "max." + type);
  add_map<Neg, T, T>(table, "neg." + type);
  add_map<Abs, T, T>(table, "abs." + type);
  add_map<CopySign, T, T, T>(table, "copysign." + type);
}

/// The forms without and with .ftz of an operation on one float.
template <class F>
void add_approximation(OpcodeTable& table, const std::string& name) {
  add_map<F, float, float>(table, name + ".approx.f32");
  add_map<Flushed<F>, float, float>(table, name + ".approx.ftz.f32");
}

}  // namespace

void add_float_opcodes(OpcodeTable& table) {
  for_types(Floats{}, [&]<class T>(const std::string& type) { add_arithmetic<T>(table, type); });
  add_approximation<Reciprocal>(table, "rcp");
  add_approximation<Sqrt>(table, "sqrt");
  add_approximation<ReciprocalSqrt>(table, "rsqrt");
  add_approximation<Exp2>(table, "ex2");
  add_approximation<Log2>(table, "lg2");
  add_approximation<Sin>(table, "sin");
  add_approximation<Cos>(table, "cos");
  add_map<Tanh, float, float>(table, "tanh.approx.f32");
  add_map<UpperWord<Reciprocal>, double, double>(table, "rcp.approx.ftz.f64");
  add_map<UpperWord<ReciprocalSqrt>, double, double>(table, "rsqrt.approx.ftz.f64");
  for (const char* kind : {"approx", "full"}) {
    add_map<Div, float, float, float>(table, std::string("div.") + kind + ".f32");
    add_map<Flushed<Div>, float, float, float>(table, std::string("div.") + kind + ".ftz.f32");
  }
  add_map<OrNan<Min>, float, float, float>(table, "min.NaN.f32");
  add_map<OrNan<Max>, float, float, float>(table, "max.NaN.f32");
  for (const char* round : {"", ".rn"}) {
    const std::string r = round;
    add_map<Flushed<Add>, float, float, float>(table, "add" + r + ".ftz.f32");
    add_map<Flushed<Sub>, float, float, float>(table, "sub" + r + ".ftz.f32");
    add_map<Flushed<Mul>, float, float, float>(table, "mul" + r + ".ftz.f32");
    add_map<Saturated<Add>, float, float, float>(table, "add" + r + ".sat.f32");
    add_map<Saturated<Mul>, float, float, float>(table, "mul" + r + ".sat.f32");
  }
  add_map<Flushed<Fma>, float, float, float, float>(table, "fma.rn.ftz.f32");
  add_map<Saturated<Fma>, float, float, float, float>(table, "fma.rn.sat.f32");
}

}  // namespace emu::ptx
