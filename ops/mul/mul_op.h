#pragma once
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"

namespace ockham {

class MulOp : public BilinearOp, public HasRecursion {
 public:
  std::string_view name() const override { return "mul"; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void recursion(const Saved& saved, Inputs, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Tensor& a, std::int64_t da, const Tensor& b, std::int64_t db, Tensor& y,
             bool accumulate) const override;
  void transpose_a(std::int64_t D, const Tensor& y_bar, const Tensor& b, GradSlot a_bar) const override;
  void transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& a, GradSlot b_bar) const override;
};

}  // namespace ockham
