#pragma once
#include <cmath>

#include "autograd/elementwise.h"

namespace ockham {

/// For ElementwiseOp, on all devices.
struct Exp {
  static constexpr std::string_view kName = "exp";
  template <class T>
  static constexpr T f(T x) {
    return std::exp(x);
  }
  template <class T>
  static constexpr T df(T x) {
    return std::exp(x);
  }
  template <class T>
  static constexpr T d2f(T x) {
    return std::exp(x);
  }
};

}  // namespace ockham
