#pragma once
#include <cmath>

#include "autograd/elementwise.h"

namespace ockham {

/// For ElementwiseOp, on all devices.
struct Relu {
  static constexpr std::string_view kName = "relu";
  static constexpr Smoothness kSmoothness = Smoothness::kPiecewise;
  // Written so that NaN stays NaN: a diverged net must not look like a dead one.
  template <class T>
  static constexpr T f(T x) {
    return x <= T(0) ? T(0) : x;
  }
  template <class T>
  static constexpr T df(T x) {
    return static_cast<T>(x > T(0));
  }
  template <class T>
  static constexpr T d2f(T) {
    return T(0);
  }
};

}  // namespace ockham
