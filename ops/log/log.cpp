#include "ops/log/log.h"

#include <cmath>

#include "ops/elementwise_case.h"

namespace ockham {
namespace {

struct Log {
  static constexpr std::string_view kName = "log";
  template <class T>
  static T f(T x) {
    return std::log(x);
  }
  template <class T>
  static T df(T x) {
    return T(1) / x;
  }
  template <class T>
  static T d2f(T x) {
    return T(-1) / (x * x);
  }
};

OCKHAM_REGISTER_OP(log, elementwise_case<Log>({.shape = {}, .low = 0.3, .high = 3.0},
                                              [](double x) { return 2.0 * std::atanh((x - 1.0) / (x + 1.0)); }));

}  // namespace

Variable log(const Variable& x) {
  return record_one(std::make_shared<const ElementwiseOp<Log>>(), {x});
}

}  // namespace ockham
