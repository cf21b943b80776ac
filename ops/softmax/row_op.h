#pragma once
// RowOp<F>: softmax and log_softmax, which treat each row of the last dimension alone. F gives the passes of one row of
// C values; all of them need only the row's output y, from which F::probability recovers p. Sums are in double.
#include <algorithm>
#include <cmath>
#include <string_view>

#include "autograd/op.h"
#include "autograd/side_interfaces.h"
#include "engine/parallel.h"
#include "ops/infer.h"

namespace ockham {

template <class F>
class RowOp : public Op, public HasRecursion {
 public:
  std::string_view name() const override { return F::kName; }
  Algebra algebra() const override { return Algebra::kCurved; }

  std::vector<Spec> infer(std::span<const Spec> x) const override {
    require_float(*this, x);
    const Shape& shape = x[0].shape;
    if (shape.rank() == 0 || shape[shape.rank() - 1] == 0)
      throw ShapeError(describe(*this, x) + ": normalises the last dimension, which must exist and not be empty.");
    return {x[0]};
  }

  void forward(Inputs x, Outputs y, Saved& saved) const override {
    visit(y[0], [&]<class T>() {
      const T* in = x[0].data<T>();
      T* out = y[0].data<T>();
      for_rows(y[0], 1, [&](std::int64_t C, std::int64_t, std::int64_t at) { F::forward(C, in + at, out + at); });
    });
    saved.keep(y[0]);
  }

  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return;
    Tensor g(y_bar[0].spec());
    visit(saved[0], [&]<class T>() {
      const T* y = saved[0].data<T>();
      const T* in = y_bar[0].data<T>();
      T* out = g.data<T>();
      for_rows(saved[0], D,
               [&](std::int64_t C, std::int64_t primal, std::int64_t at) { F::vjp(C, y + primal, in + at, out + at); });
    });
    x_bar[0].add(std::move(g));
  }

  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    visit(saved[0], [&]<class T>() {
      const T* y = saved[0].data<T>();
      const T* in = x_dot[0].data<T>();
      T* out = y_dot[0].data<T>();
      for_rows(saved[0], D,
               [&](std::int64_t C, std::int64_t primal, std::int64_t at) { F::jvp(C, y + primal, in + at, out + at); });
    });
  }

  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    visit(saved[0], [&]<class T>() {
      const T* y = saved[0].data<T>();
      const T* g = y_bar[0].data<T>();
      const T* t = x_dot[0].data<T>();
      const std::int64_t C = columns_of(saved[0]);
      const std::int64_t rows = saved[0].numel() / C;
      for (std::int64_t d = 0; d < D; ++d, t += rows * C) {
        acc[static_cast<std::size_t>(d)] += parallel_sum(rows, grain_of(C), [&](std::int64_t begin, std::int64_t end) {
          double total = 0.0;
          for (std::int64_t at = begin * C; at < end * C; at += C)
            total += F::curvature(C, y + at, g + at, t + at);
          return total;
        });
      }
    });
  }

  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override {
    if (!h_x[0])
      return;
    Tensor h(saved[0].spec());
    visit(saved[0], [&]<class T>() {
      const T* y = saved[0].data<T>();
      const T* g = y_bar[0].data<T>();
      const T* in = h_y[0].data<T>();
      T* out = h.data<T>();
      for_rows(saved[0], 1, [&](std::int64_t C, std::int64_t, std::int64_t at) {
        F::recursion(C, y + at, g + at, in + at, out + at);
      });
    });
    h_x[0].add(std::move(h));
  }

 private:
  static std::int64_t columns_of(const Tensor& y) { return y.size(y.rank() - 1); }
  static std::int64_t grain_of(std::int64_t C) { return std::max<std::int64_t>(1, 4096 / C); }

  template <class Body>
  static void visit(const Tensor& y, Body&& body) {
    visit_float(y.dtype(), F::kName, std::forward<Body>(body));
  }

  /// body(C, offset of the row in y, offset of the row among D directions)
  template <class Body>
  static void for_rows(const Tensor& y, std::int64_t D, Body body) {
    const std::int64_t C = columns_of(y);
    parallel_for(D * (y.numel() / C), grain_of(C), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        body(C, row * C % y.numel(), row * C);
    });
  }
};

/// sum_i term(i) in double.
template <class Term>
double row_sum(std::int64_t C, Term term) {
  double total = 0.0;
  for (std::int64_t i = 0; i < C; ++i)
    total += static_cast<double>(term(i));
  return total;
}

/// log(sum_i exp(x_i)); the largest is taken out first, so that nothing overflows.
template <class T>
double log_sum_exp(std::int64_t C, const T* x) {
  const double largest = static_cast<double>(*std::max_element(x, x + C));
  if (std::isinf(largest))
    return largest;  // inf - inf would be NaN
  return largest + std::log(row_sum(C, [&](std::int64_t i) { return std::exp(static_cast<double>(x[i]) - largest); }));
}

}  // namespace ockham
