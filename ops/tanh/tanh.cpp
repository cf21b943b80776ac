#include "ops/tanh/tanh.h"

#include <cmath>

#include "ops/elementwise_case.h"

namespace ockham {
namespace {

struct Tanh {
  static constexpr std::string_view kName = "tanh";
  template <class T>
  static T f(T x) {
    return std::tanh(x);
  }
  template <class T>
  static T df(T x) {
    const T y = std::tanh(x);
    return (T(1) - y) * (T(1) + y);
  }
  template <class T>
  static T d2f(T x) {
    return T(-2) * std::tanh(x) * df(x);
  }
};

OCKHAM_REGISTER_OP(tanh, elementwise_case<Tanh>({.shape = {}, .low = -3.0, .high = 3.0},
                                                [](double x) { return 1.0 - 2.0 / (std::exp(2.0 * x) + 1.0); }));

}  // namespace

Variable tanh(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Tanh>>(), {x});
}

}  // namespace ockham
