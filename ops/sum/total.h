#pragma once
// The linear map behind sum and mean: y = factor * (sum of all elements), for D directions at once.
#include "autograd/op_classes.h"
#include "autograd/registry.h"
#include "autograd/side_interfaces.h"

namespace ockham {

/// One scalar per direction. Couples samples, since every one of them is in the sum.
class TotalOp : public LinearOp, public HasRecursion {
 public:
  bool couples_samples() const override { return true; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

  /// What each of n elements counts.
  virtual double factor(std::int64_t n) const = 0;

 protected:
  void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override;
};

}  // namespace ockham
