#pragma once
// The op of conv2d.h, for its passes on other devices too.
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"
#include "ops/conv2d/conv2d.h"

namespace ockham {

class Conv2d : public BilinearOp, public HasRecursion, public CountsFlops {
 public:
  explicit Conv2d(const Conv2dAttrs& attrs) : attrs_(attrs) {}

  const Conv2dAttrs& conv() const { return attrs_; }

  std::string_view name() const override { return "conv2d"; }
  std::string attrs() const override;
  bool is_parameter(std::size_t input) const override { return input == 1; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  std::string kernel(std::span<const Spec> x) const override;
  double flops(std::span<const Spec> x) const override;
  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Tensor& x, std::int64_t dx, const Tensor& w, std::int64_t dw, Tensor& y,
             bool accumulate) const override;
  void transpose_a(std::int64_t D, const Tensor& y_bar, const Tensor& w, GradSlot x_bar) const override;
  void transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& x, GradSlot w_bar) const override;

 private:
  const Conv2dAttrs attrs_;
};

}  // namespace ockham
