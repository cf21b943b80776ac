// Comparisons, predicates, and the choice between two values.
#include <cmath>
#include <functional>

#include "tests/cudaemu/ptx/opcodes.h"

namespace emu::ptx {

namespace {

/// F of two numbers of which neither is NaN; `if_nan` where one is.
template <class F, bool if_nan>
struct Comparison {
  template <class T>
  bool operator()(T a, T b) const {
    if constexpr (std::is_floating_point_v<T>) {
      if (a != a || b != b)
        return if_nan;
    }
    return F{}(a, b);
  }
};
/// What the comparisons num and nan say of two numbers.
template <bool value>
struct Always {
  template <class T>
  bool operator()(T, T) const {
    return value;
  }
};

/// How a comparison meets another predicate c: setp.lt.and p|q, a, b, c gives (a < b) && c and !(a < b) && c.
enum class With { kNothing, kAnd, kOr, kXor };

template <class F, class T>
[[gnu::noinline]] Mask compare(const Warp& warp, const Instruction& i, Mask lanes) {
  const T *const a = warp.at<T>(i.operand[2]), *const b = warp.at<T>(i.operand[3]);
  return lanes_where(lanes, [=](unsigned lane) { return F{}(a[lane], b[lane]); });
}

template <class F, With with, class T>
void set_predicates(Warp& warp, const Instruction& i, Mask lanes) {
  Mask p = compare<F, T>(warp, i, lanes), q = ~p;
  if constexpr (with != With::kNothing) {
    const Mask c = warp.predicate(i.operand[4]);
    const auto meet = [c](Mask x) { return with == With::kAnd ? x & c : with == With::kOr ? x | c : x ^ c; };
    p = meet(p);
    q = meet(q);
  }
  warp.set_predicate(i.operand[0], lanes, p);
  warp.set_predicate(i.operand[1], lanes, q);
}

template <class F, class T>
void add_comparison(OpcodeTable& table, const std::string& comparison, const std::string& type) {
  const std::string letters = {'=', 'p', '|', 'p', operand_letter<T>(), operand_letter<T>()};
  const std::string name = "setp." + comparison;
  table[name + "." + type] = {set_predicates<F, With::kNothing, T>, letters};
  table[name + ".and." + type] = {set_predicates<F, With::kAnd, T>, letters + "p"};
  table[name + ".or." + type] = {set_predicates<F, With::kOr, T>, letters + "p"};
  table[name + ".xor." + type] = {set_predicates<F, With::kXor, T>, letters + "p"};
}

template <class T>
void add_equalities(OpcodeTable& table, const std::string& type) {
  add_comparison<Comparison<std::equal_to<>, false>, T>(table, "eq", type);
  add_comparison<Comparison<std::not_equal_to<>, false>, T>(table, "ne", type);
}

template <class T>
void add_orders(OpcodeTable& table, const std::string& type) {
  add_comparison<Comparison<std::less<>, false>, T>(table, "lt", type);
  add_comparison<Comparison<std::less_equal<>, false>, T>(table, "le", type);
  add_comparison<Comparison<std::greater<>, false>, T>(table, "gt", type);
  add_comparison<Comparison<std::greater_equal<>, false>, T>(table, "ge", type);
}

template <class T>
void add_unordered(OpcodeTable& table, const std::string& type) {
  add_comparison<Comparison<std::equal_to<>, true>, T>(table, "equ", type);
  add_comparison<Comparison<std::not_equal_to<>, true>, T>(table, "neu", type);
  add_comparison<Comparison<std::less<>, true>, T>(table, "ltu", type);
  add_comparison<Comparison<std::less_equal<>, true>, T>(table, "leu", type);
  add_comparison<Comparison<std::greater<>, true>, T>(table, "gtu", type);
  add_comparison<Comparison<std::greater_equal<>, true>, T>(table, "geu", type);
  add_comparison<Comparison<Always<true>, false>, T>(table, "num", type);
  add_comparison<Comparison<Always<false>, true>, T>(table, "nan", type);
}

template <class T>
void select(Warp& warp, const Instruction& i, Mask lanes) {
  T* const d = warp.at<T>(i.operand[0]);
  const T *const a = warp.at<T>(i.operand[1]), *const b = warp.at<T>(i.operand[2]);
  const Mask p = warp.predicate(i.operand[3]);
  for_lanes(lanes, [=](int lane) { d[lane] = p & kBit[static_cast<unsigned>(lane)] ? a[lane] : b[lane]; });
}

template <class F>
void combine(Warp& warp, const Instruction& i, Mask lanes) {
  warp.set_predicate(i.operand[0], lanes, F{}(warp.predicate(i.operand[1]), warp.predicate(i.operand[2])));
}
void invert(Warp& warp, const Instruction& i, Mask lanes) {
  warp.set_predicate(i.operand[0], lanes, ~warp.predicate(i.operand[1]));
}
void copy(Warp& warp, const Instruction& i, Mask lanes) {
  warp.set_predicate(i.operand[0], lanes, warp.predicate(i.operand[1]));
}

struct IsFinite {
  template <class T>
  bool operator()(T a) const {
    return std::isfinite(a);
  }
};
struct IsInfinite {
  template <class T>
  bool operator()(T a) const {
    return std::isinf(a);
  }
};
struct IsNan {
  template <class T>
  bool operator()(T a) const {
    return std::isnan(a);
  }
};
struct IsNoNan {
  template <class T>
  bool operator()(T a) const {
    return !std::isnan(a);
  }
};
struct IsNormal {
  template <class T>
  bool operator()(T a) const {
    return std::isnormal(a);
  }
};
struct IsSubnormal {
  template <class T>
  bool operator()(T a) const {
    return std::fpclassify(a) == FP_SUBNORMAL;
  }
};

template <class F, class T>
void test(Warp& warp, const Instruction& i, Mask lanes) {
  const T* const a = warp.at<T>(i.operand[1]);
  warp.set_predicate(i.operand[0], lanes, lanes_where(lanes, [=](unsigned lane) { return F{}(a[lane]); }));
}

template <class F>
void add_test(OpcodeTable& table, const std::string& name) {
  table["testp." + name + ".f32"] = {test<F, float>, "=pw"};
  table["testp." + name + ".f64"] = {test<F, double>, "=pd"};
}

}  // namespace

void add_predicate_opcodes(OpcodeTable& table) {
  for_types(Integers16To64{}, [&]<class T>(const std::string& type) {
    add_equalities<T>(table, type);
    add_orders<T>(table, type);
    table["selp." + type] = {select<std::make_unsigned_t<T>>, operand_letters<T, T, T>() + "p"};
    if constexpr (std::is_unsigned_v<T>) {
      const std::string bits = "b" + type.substr(1);
      add_equalities<T>(table, bits);
      table["selp." + bits] = table["selp." + type];
      add_comparison<std::less<>, T>(table, "lo", type);
      add_comparison<std::less_equal<>, T>(table, "ls", type);
      add_comparison<std::greater<>, T>(table, "hi", type);
      add_comparison<std::greater_equal<>, T>(table, "hs", type);
    }
  });
  for_types(Floats{}, [&]<class T>(const std::string& type) {
    add_equalities<T>(table, type);
    add_orders<T>(table, type);
    add_unordered<T>(table, type);
    table["selp." + type] = {select<T>, operand_letters<T, T, T>() + "p"};
  });
  table["and.pred"] = {combine<std::bit_and<>>, "=ppp"};
  table["or.pred"] = {combine<std::bit_or<>>, "=ppp"};
  table["xor.pred"] = {combine<std::bit_xor<>>, "=ppp"};
  table["not.pred"] = {invert, "=pp"};
  table["mov.pred"] = {copy, "=pp"};
  add_test<IsFinite>(table, "finite");
  add_test<IsInfinite>(table, "infinite");
  add_test<IsNan>(table, "notanumber");
  add_test<IsNoNan>(table, "number");
  add_test<IsNormal>(table, "normal");
  add_test<IsSubnormal>(table, "subnormal");
}

}  // namespace emu::ptx
