#pragma once
// The op of max_pool2d.h, for its passes on other devices too.
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "ops/max_pool2d/max_pool2d.h"
#include "ops/pool.h"

namespace ockham {

/// Saves, per output, the number within its window, row-major, of the element that it chose: uint8.
class MaxPool2d : public LinearOp, public HasRecursion {
 public:
  explicit MaxPool2d(const MaxPool2dAttrs& attrs) : window_{attrs.kernel, attrs.stride, attrs.pad} {}

  const PoolWindow& window() const { return window_; }

  std::string_view name() const override { return "max_pool2d"; }
  std::string attrs() const override;
  Smoothness smoothness() const override { return Smoothness::kPiecewise; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Saved& saved, std::int64_t D, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved& saved, std::int64_t D, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  const PoolWindow window_;
};

}  // namespace ockham
