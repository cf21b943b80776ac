#pragma once
#include "autograd/op.h"
#include "autograd/side_interfaces.h"

namespace ockham {

class AddBias : public Op, public HasRecursion {
 public:
  std::string_view name() const override { return "add_bias"; }
  std::size_t input_count() const override { return 2; }
  Algebra algebra() const override { return Algebra::kLinear; }
  bool is_parameter(std::size_t input) const override { return input == 1; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override;

  void vjp(const Saved&, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;

  void jvp(const Saved&, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;

  void curvature(const Saved&, std::int64_t, Inputs, Inputs, Inputs, Inputs, std::span<double>) const override {}

  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;

  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;
};

}  // namespace ockham
