#include "ops/silu/silu.h"

#include <cmath>

#include "ops/elementwise_case.h"

namespace ockham {
namespace {

struct Silu {
  static constexpr std::string_view kName = "silu";
  template <class T>
  static T sigmoid(T x) {
    return T(1) / (T(1) + std::exp(-x));
  }
  template <class T>
  static T f(T x) {
    return x * sigmoid(x);
  }
  template <class T>
  static T df(T x) {
    const T s = sigmoid(x);
    return s * (T(1) + x * (T(1) - s));
  }
  template <class T>
  static T d2f(T x) {
    const T s = sigmoid(x);
    return s * (T(1) - s) * (T(2) + x * (T(1) - T(2) * s));
  }
};

OCKHAM_REGISTER_OP(silu, elementwise_case<Silu>({.shape = {}, .low = -4.0, .high = 4.0},
                                                [](double x) { return x * std::exp(x) / (1.0 + std::exp(x)); }));

}  // namespace

Variable silu(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Silu>>(), {x});
}

}  // namespace ockham
