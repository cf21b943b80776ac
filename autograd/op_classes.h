#pragma once
// Base classes that derive most passes from an op's algebra: a linear op writes apply and transpose, a bilinear one
// apply and two transposes, an elementwise one f, df and d2f. Only batch norm, softmax and losses write all passes.
#include "autograd/op.h"

namespace ockham {

/// y = A x for one input, given attributes and what was saved (a mask, arg-max indices). Curvature is nothing.
/// A subclass's apply and transpose see D directions as a batch D times as long; what is saved is for one.
class LinearOp : public Op {
 public:
  Algebra algebra() const override { return Algebra::kLinear; }
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const final;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const final;
  void curvature(const Saved&, std::int64_t, Inputs, Inputs, Inputs, Inputs, std::span<double>) const final {}

 protected:
  /// y = A x
  virtual void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const = 0;
  /// x_bar (+)= A^T y_bar; the slot's tensor has the shape of D inputs
  virtual void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const = 0;
};

/// y = f(a, b), linear in each of its two inputs; forward saves {a, b}. a is usually a batch of samples, b usually a
/// parameter. da and db are the directions each argument carries: (1, 1) in forward, (D, 1), (1, D) or (D, D) in jvp.
/// The output has max(da, db) directions; an argument with one direction is used for all.
class BilinearOp : public Op {
 public:
  std::size_t input_count() const override { return 2; }
  Algebra algebra() const override { return Algebra::kMultilinear; }
  void forward(Inputs x, Outputs y, Saved& saved) const final;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const final;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const final;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const final;

 protected:
  /// y = (accumulate ? y : 0) + f(a, b)
  virtual void apply(const Tensor& a, std::int64_t da, const Tensor& b, std::int64_t db, Tensor& y,
                     bool accumulate) const = 0;
  /// a_bar (+)= adjoint of a -> f(a, b), for D cotangents and one b
  virtual void transpose_a(std::int64_t D, const Tensor& y_bar, const Tensor& b, GradSlot a_bar) const = 0;
  /// b_bar (+)= adjoint of b -> f(a, b), for D cotangents and one a
  virtual void transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& a, GradSlot b_bar) const = 0;
};

}  // namespace ockham
