#pragma once
// ElementwiseOp<F> on the GPU: one launch a pass, from the same f, df and d2f. For ops/NAME/NAME_cuda.cu:
//   OCKHAM_CUDA_PASSES(silu, ElementwiseOp<Silu>, ElementwiseCuda<Silu>);
#include "autograd/device_passes.h"
#include "autograd/elementwise.h"
#include "engine/cuda/map.h"

namespace ockham::cuda {

template <class F>
struct ElementwiseValue {
  template <class T>
  constexpr T operator()(T x) const {
    return F::template f<T>(x);
  }
};

template <class F>
struct ElementwiseSlope {
  template <class T>
  constexpr T operator()(T x, T v) const {
    return F::template df<T>(x) * v;
  }
};

template <class F>
struct ElementwiseBend {
  template <class T>
  constexpr T operator()(T x, T g, T t) const {
    return g * F::template d2f<T>(x) * t * t;
  }
};

template <class F>
class ElementwiseCuda : public DevicePasses {
 public:
  bool forward(const Op&, Inputs x, Outputs y, Saved& saved) const override {
    visit(x[0], [&]<class T>() { map<T>(1, y[0], false, ElementwiseValue<F>{}, x[0]); });
    saved.keep(x[0]);
    return true;
  }

  bool vjp(const Op&, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    if (x_bar[0])
      times_slope(saved[0], D, y_bar[0], *x_bar[0].dst, x_bar[0].accumulate);
    return true;
  }

  bool jvp(const Op&, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    times_slope(saved[0], D, x_dot[0], y_dot[0], false);
    return true;
  }

  bool curvature(const Op&, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override {
    visit(saved[0], [&]<class T>() {
      add_row_sums(sums_of<T>(D, saved[0].numel(), ElementwiseBend<F>{}, saved[0], y_bar[0], x_dot[0]), 1.0, acc);
    });
    return true;
  }

 private:
  template <class Body>
  static void visit(const Tensor& x, Body&& body) {
    visit_float(x.dtype(), F::kName, std::forward<Body>(body));
  }

  static void times_slope(const Tensor& x, std::int64_t D, const Tensor& v, Tensor& out, bool adds) {
    visit(x, [&]<class T>() { map<T>(D, out, adds, ElementwiseSlope<F>{}, x, v); });
  }
};

}  // namespace ockham::cuda
