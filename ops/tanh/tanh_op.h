#pragma once
#include <cmath>

#include "autograd/elementwise.h"

namespace ockham {

/// For ElementwiseOp, on all devices.
struct Tanh {
  static constexpr std::string_view kName = "tanh";
  template <class T>
  static constexpr T f(T x) {
    return std::tanh(x);
  }
  template <class T>
  static constexpr T df(T x) {
    const T y = std::tanh(x);
    return (T(1) - y) * (T(1) + y);
  }
  template <class T>
  static constexpr T d2f(T x) {
    return T(-2) * std::tanh(x) * df(x);
  }
};

}  // namespace ockham
