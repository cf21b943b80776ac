#pragma once
// One element of a float32 or float64 tensor as a double: switches are few, and their algebra is done in double.
#include "engine/tensor.h"

namespace ockham::nas {

inline double element(const Tensor& t, std::size_t i) {
  return visit_float(t.dtype(), "element", [&]<class T>() { return static_cast<double>(t.data<T>()[i]); });
}

inline void set_element(Tensor& t, std::size_t i, double value) {
  visit_float(t.dtype(), "element", [&]<class T>() { t.data<T>()[i] = static_cast<T>(value); });
}

}  // namespace ockham::nas
