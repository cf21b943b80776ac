#pragma once
// The passes of y = conv(x, w) on the GPU, for ops that are nothing else: conv2d, and linear. For .cu files.
#include "autograd/device_passes.h"
#include "engine/cuda/reduce.h"
#include "ops/conv2d/cuda/conv2d_cuda.h"
#include "ops/conv2d/cuda/conv2d_dots_cuda.h"

namespace ockham::cuda {

class ConvPasses : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    visit_float(x[0].dtype(), op.name(), [&]<class T>() {
      apply<T>(size_of(op, x[0].shape(), x[1].shape(), 1), x[0], false, x[1], false, false, y[0]);
    });
    saved.keep(x[0], x[1]);
    return true;
  }

  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override {
    const ConvSize s = size_of(op, saved[0].shape(), saved[1].shape(), D);
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      PullTargets<T> to;
      if (x_bar[0])
        to = {.x = x_bar[0].dst->device_data<T>(), .adds_x = x_bar[0].accumulate};
      if (x_bar[1]) {
        to.w = x_bar[1].dst->device_data<T>();
        to.adds_w = x_bar[1].accumulate;
      }
      pull_convolution(s, stored_map<T>(s, saved[0].device_data<T>(), false),
                       stored_cotangent<T>(s, y_bar[0].device_data<T>()), saved[1].device_data<T>(), to);
    });
    return true;
  }

  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override {
    const ConvSize s = size_of(op, saved[0].shape(), saved[1].shape(), D);
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      if (x_dot[0])
        apply<T>(s, x_dot[0], true, saved[1], false, false, y_dot[0]);
      if (x_dot[1])
        apply<T>(s, saved[0], false, x_dot[1], true, x_dot[0].is_defined(), y_dot[0]);
    });
    return true;
  }

  /// D2f[t, t] = 2 f(t_x, t_w).
  bool curvature(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override {
    if (!x_dot[0] || !x_dot[1])
      return true;
    const ConvSize s = size_of(op, saved[0].shape(), saved[1].shape(), D);
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      Tensor cross(y_dot[0].spec(), y_dot[0].device());
      apply<T>(s, x_dot[0], true, x_dot[1], true, false, cross);
      Tensor sums = Tensor::zeros({D}, DType::kFloat64, cross.device());
      const LoadedMap<T> rows{cross.device_data<T>(), nullptr, false, true, s.N, s.K, s.y_plane()};
      add_dots(s.N, s.K, s.y_plane(), rows, y_bar[0].device_data<T>(), 2.0, sums);
      const std::vector<double> values = downloaded(sums);
      for (std::size_t d = 0; d < acc.size(); ++d)
        acc[d] += values[d];
    });
    return true;
  }

  bool weight_diagonal(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input,
                       Grouping grouping, Tensor& H) const override {
    if (input != 1)
      return false;
    const ConvSize s = size_of(op, saved[0].shape(), saved[1].shape(), D);
    visit_float(saved[0].dtype(), op.name(), [&]<class T>() {
      add_weight_squares(s, stored_map<T>(s, saved[0].device_data<T>(), false),
                         stored_cotangent(s, y_bar[0].device_data<T>()), saved[1].shape(), grouping, H);
    });
    return true;
  }

 protected:
  virtual ConvSize size_of(const Op& op, const Shape& x, const Shape& w, std::int64_t D) const = 0;

 private:
  /// y = (adds ? y : 0) + conv(x, w), for the directions that x and w have where they move.
  template <class T>
  static void apply(const ConvSize& s, const Tensor& x, bool x_moves, const Tensor& w, bool w_moves, bool adds,
                    Tensor& y) {
    convolve(s, stored_map<T>(s, x.device_data<T>(), x_moves), w.device_data<T>(), w_moves, adds, y.device_data<T>());
  }
};

}  // namespace ockham::cuda
