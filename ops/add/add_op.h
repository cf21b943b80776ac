#pragma once
#include "autograd/op.h"
#include "autograd/side_interfaces.h"

namespace ockham {

class AddOp : public Op, public HasRecursion {
 public:
  explicit AddOp(std::size_t terms) : terms_(terms) {}

  std::string_view name() const override { return "add"; }
  std::size_t input_count() const override { return terms_; }
  Algebra algebra() const override { return Algebra::kLinear; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved&, std::int64_t, Inputs, Inputs, Inputs, Inputs, std::span<double>) const override {}
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 private:
  const std::size_t terms_;
};

}  // namespace ockham
