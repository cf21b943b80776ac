#pragma once
// RowOp<F>: softmax and log_softmax, which treat each row of the last dimension alone. F gives the passes of one row of
// C values; all of them need only the row's output y, from which p follows. F asks a Row for sums (in double) and loops
// over the row: WholeRow takes it alone, on a GPU the threads of a warp share it (row_cuda.h).
#include <algorithm>
#include <cmath>
#include <string_view>

#include "autograd/op.h"
#include "autograd/side_interfaces.h"
#include "engine/parallel.h"
#include "ops/infer.h"

namespace ockham {

/// A row of C values, for one thread.
struct WholeRow {
  std::int64_t C;

  /// sum_i term(i) in double.
  template <class Term>
  constexpr double sum(Term term) const {
    double total = 0.0;
    for (std::int64_t i = 0; i < C; ++i)
      total += static_cast<double>(term(i));
    return total;
  }
  template <class T>
  constexpr T largest(const T* x) const {
    return *std::max_element(x, x + C);
  }
  template <class Body>
  constexpr void each(Body body) const {
    for (std::int64_t i = 0; i < C; ++i)
      body(i);
  }
};

/// Where the values of a row go: over what is there, or added to it.
template <class T>
struct RowOutput {
  T* y;
  bool adds;
  constexpr void put(std::int64_t i, T value) const { y[i] = adds ? y[i] + value : value; }
};

/// log(sum_i exp(x_i)); the largest is taken out first, so that nothing overflows.
template <class Row, class T>
constexpr double log_sum_exp(const Row& row, const T* x) {
  const double largest = static_cast<double>(row.largest(x));
  if (std::isinf(largest))
    return largest;  // inf - inf would be NaN
  return largest + std::log(row.sum([&](std::int64_t i) { return std::exp(static_cast<double>(x[i]) - largest); }));
}

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
      for_rows(y[0], 1, [&](WholeRow row, std::int64_t, std::int64_t at) { F::forward(row, in + at, out + at); });
    });
    saved.keep(y[0]);
  }

  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return;
    visit(saved[0], [&]<class T>() {
      const T* y = saved[0].data<T>();
      const T* in = y_bar[0].data<T>();
      T* out = x_bar[0].dst->template data<T>();
      for_rows(saved[0], D, [&](WholeRow row, std::int64_t primal, std::int64_t at) {
        F::vjp(row, y + primal, in + at, RowOutput<T>{out + at, x_bar[0].accumulate});
      });
    });
  }

  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    visit(saved[0], [&]<class T>() {
      const T* y = saved[0].data<T>();
      const T* in = x_dot[0].data<T>();
      T* out = y_dot[0].data<T>();
      for_rows(saved[0], D, [&](WholeRow row, std::int64_t primal, std::int64_t at) {
        F::jvp(row, y + primal, in + at, RowOutput<T>{out + at, false});
      });
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
            total += F::curvature(WholeRow{C}, y + at, g + at, t + at);
          return total;
        });
      }
    });
  }

  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override {
    if (!h_x[0])
      return;
    visit(saved[0], [&]<class T>() {
      const T* y = saved[0].data<T>();
      const T* g = y_bar[0].data<T>();
      const T* in = h_y[0].data<T>();
      T* out = h_x[0].dst->template data<T>();
      for_rows(saved[0], 1, [&](WholeRow row, std::int64_t, std::int64_t at) {
        F::recursion(row, y + at, g + at, in + at, RowOutput<T>{out + at, h_x[0].accumulate});
      });
    });
  }

 private:
  static std::int64_t columns_of(const Tensor& y) { return y.size(y.rank() - 1); }
  static std::int64_t grain_of(std::int64_t C) { return std::max<std::int64_t>(1, 4096 / C); }

  template <class Body>
  static void visit(const Tensor& y, Body&& body) {
    visit_float(y.dtype(), F::kName, std::forward<Body>(body));
  }

  /// body(the row, its offset in y, its offset among D directions)
  template <class Body>
  static void for_rows(const Tensor& y, std::int64_t D, Body body) {
    const std::int64_t C = columns_of(y);
    parallel_for(D * (y.numel() / C), grain_of(C), [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t row = begin; row < end; ++row)
        body(WholeRow{C}, row * C % y.numel(), row * C);
    });
  }
};

}  // namespace ockham
