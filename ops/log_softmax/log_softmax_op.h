#pragma once
#include "ops/softmax/row_op.h"

namespace ockham {

/// For RowOp, on all devices.
/// J = I - 1 p^T with p = exp(y). Along t, with tm = sum p t: y'' = -sum p (t - tm)^2, the same in every entry.
struct LogSoftmax {
  static constexpr std::string_view kName = "log_softmax";

  template <class Row, class T>
  static constexpr void forward(const Row& row, const T* x, T* y) {
    const double lse = log_sum_exp(row, x);
    row.each([&](std::int64_t i) { y[i] = static_cast<T>(static_cast<double>(x[i]) - lse); });
  }

  template <class Row, class T>
  static constexpr void vjp(const Row& row, const T* y, const T* g, RowOutput<T> out) {
    const T total = static_cast<T>(row.sum([&](std::int64_t i) { return g[i]; }));
    row.each([&](std::int64_t i) { out.put(i, g[i] - std::exp(y[i]) * total); });
  }

  template <class Row, class T>
  static constexpr void jvp(const Row& row, const T* y, const T* t, RowOutput<T> out) {
    const T mean = static_cast<T>(row.sum([&](std::int64_t i) { return std::exp(y[i]) * t[i]; }));
    row.each([&](std::int64_t i) { out.put(i, t[i] - mean); });
  }

  template <class Row, class T>
  static constexpr double curvature(const Row& row, const T* y, const T* g, const T* t) {
    const double mean = row.sum([&](std::int64_t i) { return std::exp(y[i]) * t[i]; });
    const double variance = row.sum([&](std::int64_t i) { return std::exp(y[i]) * (t[i] - mean) * (t[i] - mean); });
    return -variance * row.sum([&](std::int64_t i) { return g[i]; });
  }

  // sum_i J_ij^2 h_i = (1 - 2 p_j) h_j + p_j^2 sum_i h_i;  D2y_i/dx_j^2 = -p_j (1 - p_j)
  template <class Row, class T>
  static constexpr void recursion(const Row& row, const T* y, const T* g, const T* h, RowOutput<T> out) {
    const T g_total = static_cast<T>(row.sum([&](std::int64_t i) { return g[i]; }));
    const T h_total = static_cast<T>(row.sum([&](std::int64_t i) { return h[i]; }));
    row.each([&](std::int64_t j) {
      const T p = std::exp(y[j]);
      out.put(j, (T(1) - T(2) * p) * h[j] + p * p * h_total - p * (T(1) - p) * g_total);
    });
  }
};

}  // namespace ockham
