#pragma once
#include <cmath>

#include "autograd/elementwise.h"

namespace ockham {

/// For ElementwiseOp, on all devices.
struct Silu {
  static constexpr std::string_view kName = "silu";
  template <class T>
  static constexpr T sigmoid(T x) {
    return T(1) / (T(1) + std::exp(-x));
  }
  template <class T>
  static constexpr T f(T x) {
    return x * sigmoid(x);
  }
  template <class T>
  static constexpr T df(T x) {
    const T s = sigmoid(x);
    return s * (T(1) + x * (T(1) - s));
  }
  template <class T>
  static constexpr T d2f(T x) {
    const T s = sigmoid(x);
    return s * (T(1) - s) * (T(2) + x * (T(1) - T(2) * s));
  }
};

}  // namespace ockham
