#pragma once
// The op of linear.h, for its passes on other devices too.
#include "autograd/op_classes.h"
#include "autograd/side_interfaces.h"

namespace ockham {

class Linear : public BilinearOp, public HasRecursion, public CountsFlops {
 public:
  std::string_view name() const override { return "linear"; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  double flops(std::span<const Spec> x) const override;
  bool is_parameter(std::size_t input) const override { return input == 1; }
  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 protected:
  void apply(const Tensor& x, std::int64_t dx, const Tensor& w, std::int64_t dw, Tensor& y,
             bool accumulate) const override;
  void transpose_a(std::int64_t D, const Tensor& y_bar, const Tensor& w, GradSlot x_bar) const override;
  void transpose_b(std::int64_t D, const Tensor& y_bar, const Tensor& x, GradSlot w_bar) const override;
};

}  // namespace ockham
