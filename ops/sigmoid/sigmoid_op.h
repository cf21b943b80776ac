#pragma once
#include <cmath>

#include "autograd/elementwise.h"

namespace ockham {

/// For ElementwiseOp, on all devices.
struct Sigmoid {
  static constexpr std::string_view kName = "sigmoid";
  template <class T>
  static constexpr T f(T x) {
    return T(1) / (T(1) + std::exp(-x));
  }
  /// e / (1 + e)^2 with e = exp(-|x|): no cancellation where f is near 1, no overflow where it is near 0.
  template <class T>
  static constexpr T df(T x) {
    const T e = std::exp(-std::abs(x));
    return e / ((T(1) + e) * (T(1) + e));
  }
  template <class T>
  static constexpr T d2f(T x) {
    return df(x) * (T(1) - T(2) * f(x));
  }
};

}  // namespace ockham
