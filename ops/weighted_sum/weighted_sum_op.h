#pragma once
// The op of weighted_sum.h, for its passes on other devices too.
#include "autograd/op.h"
#include "autograd/side_interfaces.h"

namespace ockham {

/// Inputs are alpha, branch 0, branch 1, ...; Saved holds the same.
class WeightedSumOp : public Op, public HasRecursion, public HasSampleGradients {
 public:
  explicit WeightedSumOp(std::vector<std::int64_t> index) : index_(std::move(index)) {}

  /// Per branch, its entry of alpha.
  const std::vector<std::int64_t>& index() const { return index_; }

  std::string_view name() const override { return "weighted_sum"; }
  std::string attrs() const override;
  std::size_t input_count() const override { return 1 + index_.size(); }
  Algebra algebra() const override { return Algebra::kMultilinear; }
  int factor_of(std::size_t input) const override { return input == 0 ? 0 : 1; }
  bool is_parameter(std::size_t input) const override { return input == 0; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override;
  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;
  Tensor sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 private:
  Tensor gradient_of_alpha(const Saved& saved, std::int64_t D, const Tensor& y_bar) const;
  Tensor recursion_of_alpha(const Saved& saved, const Tensor& h_y) const;

  const std::vector<std::int64_t> index_;
};

}  // namespace ockham
