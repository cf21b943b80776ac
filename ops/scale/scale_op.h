#pragma once
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"

namespace ockham {

/// y = s * x, s an input.
class ScaleOp : public BilinearOp, public HasRecursion, public HasSampleGradients {
 public:
  std::string_view name() const override { return "scale"; }
  bool is_parameter(std::size_t input) const override { return input == 1; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;
  Tensor sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) const override;

  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Tensor& x, std::int64_t dx, const Tensor& s, std::int64_t ds, Tensor& y,
             bool accumulate) const override;
  void transpose_a(std::int64_t D, const Tensor& y_bar, const Tensor& s, GradSlot x_bar) const override;
  void transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& x, GradSlot s_bar) const override;
};

/// y = factor * x.
class FixedScaleOp : public LinearOp, public HasRecursion {
 public:
  explicit FixedScaleOp(double factor) : factor_(factor) {}
  double factor() const { return factor_; }

  std::string_view name() const override { return "scale"; }
  std::string attrs() const override { return concat("factor=", factor_); }

  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved&) const override { times(factor_, x[0], y[0], false); }
  void recursion(const Saved&, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override { times(factor_, x, y, false); }
  void transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  static void times(double factor, const Tensor& x, Tensor& y, bool adds);
  const double factor_;
};

}  // namespace ockham
