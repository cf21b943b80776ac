#pragma once
// The op of global_avg_pool.h, for its passes on other devices too.
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"

namespace ockham {

/// Saves nothing.
class GlobalAvgPool : public LinearOp, public HasRecursion {
 public:
  std::string_view name() const override { return "global_avg_pool"; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override;
};

}  // namespace ockham
