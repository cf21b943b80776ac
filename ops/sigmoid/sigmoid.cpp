#include "ops/sigmoid/sigmoid.h"

#include <cmath>

#include "ops/elementwise_case.h"

namespace ockham {
namespace {

struct Sigmoid {
  static constexpr std::string_view kName = "sigmoid";
  template <class T>
  static T f(T x) {
    return T(1) / (T(1) + std::exp(-x));
  }
  /// e / (1 + e)^2 with e = exp(-|x|): no cancellation where f is near 1, no overflow where it is near 0.
  template <class T>
  static T df(T x) {
    const T e = std::exp(-std::abs(x));
    return e / ((T(1) + e) * (T(1) + e));
  }
  template <class T>
  static T d2f(T x) {
    return df(x) * (T(1) - T(2) * f(x));
  }
};

OCKHAM_REGISTER_OP(sigmoid, elementwise_case<Sigmoid>({.shape = {}, .low = -4.0, .high = 4.0},
                                                      [](double x) { return 0.5 * (1.0 + std::tanh(0.5 * x)); }));

}  // namespace

Variable sigmoid(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Sigmoid>>(), {x});
}

}  // namespace ockham
