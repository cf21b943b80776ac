#pragma once
// ElementwiseOp<F>: y_i = f(x_i) from a functor with f, df and d2f; gives every pass in float32 and float64.
//   struct Silu {
//     static constexpr std::string_view kName = "silu";
//     template <class T> static T f(T x);
//     template <class T> static T df(T x);
//     template <class T> static T d2f(T x);
//   };
// A functor with `static constexpr Smoothness kSmoothness = Smoothness::kPiecewise` (relu) has d2f = 0 and counts as
// linear in its piece.
#include <cmath>

#include "autograd/op.h"
#include "autograd/side_interfaces.h"
#include "engine/parallel.h"
#include "engine/simd.h"

namespace ockham {

template <class F>
concept PiecewiseLinear = requires {
  requires F::kSmoothness == Smoothness::kPiecewise;
};

template <class F>
class ElementwiseOp : public Op, public HasRecursion {
 public:
  std::string_view name() const override { return F::kName; }
  Smoothness smoothness() const override { return PiecewiseLinear<F> ? Smoothness::kPiecewise : Smoothness::kTwice; }
  Algebra algebra() const override { return PiecewiseLinear<F> ? Algebra::kLinear : Algebra::kCurved; }

  std::vector<Spec> infer(std::span<const Spec> x) const override {
    if (!is_compute_type(x[0].dtype))
      throw DTypeError(describe(*this, x) + ": takes float32 or float64; convert with Tensor::to.");
    return {x[0]};
  }

  void forward(Inputs x, Outputs y, Saved& saved) const override {
    visit(
        [&]<class T>() {
          map<T>(
              1, y[0], [](T xi, T, T) { return F::template f<T>(xi); }, x[0], x[0], x[0]);
        },
        x[0]);
    saved.keep(x[0]);
  }

  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (!x_bar[0])
      return;
    Tensor& out = *x_bar[0].dst;
    const bool adds = x_bar[0].accumulate;
    visit(
        [&]<class T>() {
          if (adds)
            map<T>(
                D, out, [](T xi, T g, T old) { return old + F::template df<T>(xi) * g; }, saved[0], y_bar[0], out);
          else
            map<T>(
                D, out, [](T xi, T g, T) { return F::template df<T>(xi) * g; }, saved[0], y_bar[0], y_bar[0]);
        },
        saved[0]);
  }

  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    visit(
        [&]<class T>() {
          map<T>(
              D, y_dot[0], [](T xi, T t, T) { return F::template df<T>(xi) * t; }, saved[0], x_dot[0], x_dot[0]);
        },
        saved[0]);
  }

  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    visit(
        [&]<class T>() {
          const std::int64_t n = saved[0].numel();
          const T* x = saved[0].template data<T>();
          const T* g = y_bar[0].template data<T>();
          for (std::int64_t d = 0; d < D; ++d) {
            const T* t = x_dot[0].template data<T>() + d * n;
            acc[static_cast<std::size_t>(d)] += parallel_sum(n, kGrain, [&](std::int64_t begin, std::int64_t end) {
              double total = 0.0;
              for (std::int64_t i = begin; i < end; ++i)
                total += static_cast<double>(g[i] * F::template d2f<T>(x[i]) * t[i] * t[i]);
              return total;
            });
          }
        },
        saved[0]);
  }

  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override {
    if (!h_x[0])
      return;
    Tensor h(saved[0].spec());
    visit(
        [&]<class T>() {
          map<T>(
              1, h,
              [](T xi, T hi, T g) {
                const T slope = F::template df<T>(xi);
                return slope * slope * hi + F::template d2f<T>(xi) * g;
              },
              saved[0], h_y[0], y_bar[0]);
        },
        saved[0]);
    h_x[0].add(h);
  }

 private:
  static constexpr std::int64_t kGrain = 1 << 14;

  template <class Body>
  static void visit(Body&& body, const Tensor& x) {
    visit_float(x.dtype(), F::kName, std::forward<Body>(body));
  }

  /// out[d, i] = f(x[i], a[d, i], b[d, i])
  template <class T, class Function>
  static void map(std::int64_t D, Tensor& out, Function f, const Tensor& x, const Tensor& a, const Tensor& b) {
    const std::int64_t n = x.numel();
    T* out_data = out.template data<T>();
    const T* x_data = x.template data<T>();
    const T* a_data = a.template data<T>();
    const T* b_data = b.template data<T>();
    for (std::int64_t d = 0; d < D; ++d) {
      parallel_for(n, kGrain, [&, at = d * n](std::int64_t begin, std::int64_t end) {
        map_chunk(end - begin, f, x_data + begin, a_data + at + begin, b_data + at + begin, out_data + at + begin);
      });
    }
  }

  template <class T, class Function>
  OCKHAM_CLONES static void map_chunk(std::int64_t n, Function f, const T* x, const T* a, const T* b, T* out) {
    for (std::int64_t i = 0; i < n; ++i)
      out[i] = f(x[i], a[i], b[i]);
  }
};

}  // namespace ockham
