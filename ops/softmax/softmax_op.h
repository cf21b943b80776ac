#pragma once
#include "ops/softmax/row_op.h"

namespace ockham {

/// For RowOp, on all devices.
/// J = diag(p) - p p^T is symmetric. Along t, with tm = sum p t and v = sum p (t - tm)^2: p'' = p ((t - tm)^2 - v).
struct Softmax {
  static constexpr std::string_view kName = "softmax";

  template <class Row, class T>
  static constexpr void forward(const Row& row, const T* x, T* y) {
    const double lse = log_sum_exp(row, x);
    row.each([&](std::int64_t i) { y[i] = static_cast<T>(std::exp(static_cast<double>(x[i]) - lse)); });
  }

  template <class Row, class T>
  static constexpr void vjp(const Row& row, const T* p, const T* g, RowOutput<T> out) {
    const T mean = static_cast<T>(row.sum([&](std::int64_t i) { return p[i] * g[i]; }));
    row.each([&](std::int64_t i) { out.put(i, p[i] * (g[i] - mean)); });
  }

  template <class Row, class T>
  static constexpr void jvp(const Row& row, const T* p, const T* t, RowOutput<T> out) {
    vjp(row, p, t, out);
  }

  template <class Row, class T>
  static constexpr double curvature(const Row& row, const T* p, const T* g, const T* t) {
    const double mean = row.sum([&](std::int64_t i) { return p[i] * t[i]; });
    const auto square = [&](std::int64_t i) { return (t[i] - mean) * (t[i] - mean); };
    const double variance = row.sum([&](std::int64_t i) { return p[i] * square(i); });
    return row.sum([&](std::int64_t i) { return g[i] * p[i] * (square(i) - variance); });
  }

  // sum_i J_ij^2 h_i = p_j^2 ((1 - 2 p_j) h_j + sum_i p_i^2 h_i);  sum_i g_i D2p_i/dx_j^2 = p_j (1 - 2 p_j) (g_j - gm)
  template <class Row, class T>
  static constexpr void recursion(const Row& row, const T* p, const T* g, const T* h, RowOutput<T> out) {
    const T mean = static_cast<T>(row.sum([&](std::int64_t i) { return p[i] * g[i]; }));
    const T rest = static_cast<T>(row.sum([&](std::int64_t i) { return p[i] * p[i] * h[i]; }));
    row.each([&](std::int64_t j) {
      const T tilt = T(1) - T(2) * p[j];
      out.put(j, p[j] * p[j] * (tilt * h[j] + rest) + p[j] * tilt * (g[j] - mean));
    });
  }
};

}  // namespace ockham
