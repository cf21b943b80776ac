#pragma once
#include "autograd/op.h"
#include "autograd/side_interfaces.h"

namespace ockham {

class ConcatOp : public Op, public HasRecursion {
 public:
  explicit ConcatOp(std::size_t parts) : parts_(parts) {}

  std::string_view name() const override { return "concat"; }
  std::size_t input_count() const override { return parts_; }
  Algebra algebra() const override { return Algebra::kLinear; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved&, std::int64_t, Inputs, Inputs, Inputs, Inputs, std::span<double>) const override {}
  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;

 private:
  /// Calls body(i, window from part i into y) for every part.
  template <class Body>
  static void for_each_part(const Saved& saved, const Tensor& y, Body&& body);

  static void join(const Saved& saved, Inputs x, Tensor& y);

  static void split(const Saved& saved, const Tensor& y_bar, std::span<GradSlot> x_bar);

  const std::size_t parts_;
};

}  // namespace ockham
