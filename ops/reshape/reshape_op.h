#pragma once
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "engine/math.h"

namespace ockham {

class ReshapeOp : public LinearOp, public HasRecursion {
 public:
  explicit ReshapeOp(const Shape& shape) : shape_(shape) {}

  std::string_view name() const override { return "reshape"; }
  std::string attrs() const override { return to_string(shape_); }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override { apply(saved, 1, x[0], y[0]); }
  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Saved&, std::int64_t, const Tensor& x, Tensor& y) const override { copy(x.reshape(y.shape()), y); }
  void transpose(const Saved&, std::int64_t, const Tensor& y_bar, GradSlot x_bar) const override;

 private:
  const Shape shape_;
};

}  // namespace ockham
