#pragma once
#include <cmath>

#include "autograd/elementwise.h"

namespace ockham {

/// For ElementwiseOp, on all devices.
struct Log {
  static constexpr std::string_view kName = "log";
  template <class T>
  static constexpr T f(T x) {
    return std::log(x);
  }
  template <class T>
  static constexpr T df(T x) {
    return T(1) / x;
  }
  template <class T>
  static constexpr T d2f(T x) {
    return T(-1) / (x * x);
  }
};

}  // namespace ockham
