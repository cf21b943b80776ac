#pragma once
// One element of a float32 or float64 tensor as a double: switches are few, and their algebra is done in double. From a
// device each read waits for a transfer: OnHost (nas/train/parameter_vectors.h) brings many at once.
#include "engine/math.h"
#include "engine/tensor.h"

namespace ockham::nas {

/// As a view of one element.
inline Tensor element_view(const Tensor& t, std::size_t i) {
  const auto at = static_cast<std::int64_t>(i);
  return t.reshape({-1}).slice(0, at, at + 1);
}

inline double element(const Tensor& t, std::size_t i) {
  if (!t.device().is_cpu())
    return element_view(t, i).item();
  return visit_float(t.dtype(), "element", [&]<class T>() { return static_cast<double>(t.data<T>()[i]); });
}

inline void set_element(Tensor& t, std::size_t i, double value) {
  if (!t.device().is_cpu()) {
    Tensor place = element_view(t, i);
    return fill(place, value);
  }
  visit_float(t.dtype(), "element", [&]<class T>() { t.data<T>()[i] = static_cast<T>(value); });
}

}  // namespace ockham::nas
