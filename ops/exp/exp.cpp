#include "ops/exp/exp.h"

#include <cmath>

#include "ops/elementwise_case.h"

namespace ockham {
namespace {

struct Exp {
  static constexpr std::string_view kName = "exp";
  template <class T>
  static T f(T x) {
    return std::exp(x);
  }
  template <class T>
  static T df(T x) {
    return std::exp(x);
  }
  template <class T>
  static T d2f(T x) {
    return std::exp(x);
  }
};

OCKHAM_REGISTER_OP(exp, elementwise_case<Exp>({.shape = {}, .low = -2.0, .high = 2.0},
                                              [](double x) { return std::pow(2.718281828459045235, x); }));

}  // namespace

Variable exp(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Exp>>(), {x});
}

}  // namespace ockham
