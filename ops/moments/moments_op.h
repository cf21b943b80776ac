#pragma once
// The op of moments.h, for its passes on other devices too.
#include "autograd/op.h"
#include "autograd/side_interfaces.h"

namespace ockham {

/// Saves x and the moments in double [2, C].
class MomentsOp : public Op, public HasJointCurvature {
 public:
  std::string_view name() const override { return "moments"; }
  Algebra algebra() const override { return Algebra::kCurved; }
  bool couples_samples() const override { return true; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override;
  void jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Outputs y_dot,
                     std::span<double> acc) const override;
};

}  // namespace ockham
