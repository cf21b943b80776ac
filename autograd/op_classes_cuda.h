#pragma once
// Passes on the GPU from an op's algebra, as op_classes.h has them for the CPU. A subclass names the op and launches
// its apply and transposes; all tensors lie on the device. For ops/NAME/NAME_cuda.cu.
#include "autograd/device_passes.h"
#include "autograd/op_classes.h"
#include "engine/cuda/map.h"

namespace ockham::cuda {

/// Of `Linear`, a LinearOp that saves nothing; one that does writes forward().
template <class Linear>
class LinearCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const override {
    apply(static_cast<const Linear&>(op), saved, 1, x[0], y[0]);
    return true;
  }
  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const final {
    if (x_bar[0])
      transpose(static_cast<const Linear&>(op), saved, D, y_bar[0], x_bar[0]);
    return true;
  }
  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const final {
    apply(static_cast<const Linear&>(op), saved, D, x_dot[0], y_dot[0]);
    return true;
  }
  bool curvature(const Op&, const Saved&, std::int64_t, Inputs, Inputs, Inputs, Inputs, std::span<double>) const final {
    return true;
  }

 protected:
  /// y = A x
  virtual void apply(const Linear& op, const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const = 0;
  /// x_bar (+)= A^T y_bar
  virtual void transpose(const Linear& op, const Saved& saved, std::int64_t D, const Tensor& y_bar,
                         GradSlot x_bar) const = 0;
};

/// Of `Bilinear`, a BilinearOp: y = f(a, b).
template <class Bilinear>
class BilinearCuda : public DevicePasses {
 public:
  bool forward(const Op& op, Inputs x, Outputs y, Saved& saved) const final {
    apply(of(op), x[0], 1, x[1], 1, y[0], false);
    saved.keep(x[0], x[1]);
    return true;
  }
  bool vjp(const Op& op, const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const final {
    if (x_bar[0])
      transpose_a(of(op), D, y_bar[0], saved[1], x_bar[0]);
    if (x_bar[1])
      transpose_b(of(op), D, y_bar[0], saved[0], x_bar[1]);
    return true;
  }
  bool jvp(const Op& op, const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const final {
    if (x_dot[0])
      apply(of(op), x_dot[0], D, saved[1], 1, y_dot[0], false);
    if (x_dot[1])
      apply(of(op), saved[0], 1, x_dot[1], D, y_dot[0], x_dot[0].is_defined());
    return true;
  }
  // D2f[t, t] = 2 f(t_a, t_b).
  bool curvature(const Op& op, const Saved&, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const final {
    if (!x_dot[0] || !x_dot[1])
      return true;
    Tensor cross(y_dot[0].spec(), y_bar[0].device());
    apply(of(op), x_dot[0], D, x_dot[1], D, cross, false);
    visit_float(cross.dtype(), op.name(), [&]<class T>() {
      add_row_sums(sums_of<T>(D, y_bar[0].numel(), Product{}, cross, y_bar[0]), 2.0, acc);
    });
    return true;
  }

 protected:
  /// y = (accumulate ? y : 0) + f(a, b), for da and db directions; one direction serves all
  virtual void apply(const Bilinear& op, const Tensor& a, std::int64_t da, const Tensor& b, std::int64_t db, Tensor& y,
                     bool accumulate) const = 0;
  /// a_bar (+)= adjoint of a -> f(a, b), for D cotangents and one b
  virtual void transpose_a(const Bilinear& op, std::int64_t D, const Tensor& y_bar, const Tensor& b,
                           GradSlot a_bar) const = 0;
  /// b_bar (+)= adjoint of b -> f(a, b), for D cotangents and one a
  virtual void transpose_b(const Bilinear& op, std::int64_t D, const Tensor& y_bar, const Tensor& a,
                           GradSlot b_bar) const = 0;

 private:
  static const Bilinear& of(const Op& op) { return static_cast<const Bilinear&>(op); }
};

}  // namespace ockham::cuda
