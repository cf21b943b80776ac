#pragma once
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "ops/pad2d/pad2d.h"
#include "ops/window.h"

namespace ockham {

class Pad2dOp : public LinearOp, public HasRecursion {
 public:
  explicit Pad2dOp(const Pad2dAttrs& attrs) : attrs_(attrs) {}

  const Pad2dAttrs& widths() const { return attrs_; }

  std::string_view name() const override { return "pad2d"; }
  std::string attrs() const override;

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override { apply(saved, 1, x[0], y[0]); }
  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;
  /// From x to y, whose planes have the frame.
  Window window(const Shape& x, const Shape& y) const;

 protected:
  void apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override;
  void transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  const Pad2dAttrs attrs_;
};

}  // namespace ockham
