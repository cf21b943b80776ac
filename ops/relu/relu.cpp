#include "ops/relu/relu.h"

#include <cmath>

#include "ops/elementwise_case.h"

namespace ockham {
namespace {

struct Relu {
  static constexpr std::string_view kName = "relu";
  static constexpr Smoothness kSmoothness = Smoothness::kPiecewise;
  // Written so that NaN stays NaN: a diverged net must not look like a dead one.
  template <class T>
  static T f(T x) {
    return x <= T(0) ? T(0) : x;
  }
  template <class T>
  static T df(T x) {
    return static_cast<T>(x > T(0));
  }
  template <class T>
  static T d2f(T) {
    return T(0);
  }
};

OCKHAM_REGISTER_OP(relu, elementwise_case<Relu>({.shape = {}, .draw = Draw::kAwayFromZero},
                                                [](double x) { return std::max(x, 0.0); }));

}  // namespace

Variable relu(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Relu>>(), {x});
}

}  // namespace ockham
