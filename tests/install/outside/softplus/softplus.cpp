#include "softplus/softplus.h"

#include <algorithm>
#include <cmath>

#include "autograd/elementwise.h"
#include "ops/elementwise_case.h"

using namespace ockham;

namespace {

struct Softplus {
  static constexpr std::string_view kName = "softplus";
  template <class T>
  static T slope(T x) {
    return T(1) / (T(1) + std::exp(-x));
  }
  template <class T>
  static T f(T x) {
    return std::max(x, T(0)) + std::log1p(std::exp(-std::abs(x)));
  }
  template <class T>
  static T df(T x) {
    return slope(x);
  }
  template <class T>
  static T d2f(T x) {
    return slope(x) * (T(1) - slope(x));
  }
};

OCKHAM_REGISTER_OP(softplus, elementwise_case<Softplus>({.shape = {}, .low = -4.0, .high = 4.0},
                                                        [](double x) { return std::log(1.0 + std::exp(x)); }));

}  // namespace

Variable softplus(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Softplus>>(), {x});
}
