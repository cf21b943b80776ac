#pragma once
// The op of mix.h, for its passes on other devices too.
#include "autograd/op.h"
#include "autograd/side_interfaces.h"

namespace ockham {

/// Inputs are alpha, every z, and the affines of the branches that have one; Saved holds the same.
class MixOp : public Op,
              public HasRecursion,
              public ReadsBFloat16,
              public LeavesScaled,
              public HasJointCurvature,
              public HasSampleGradients {
 public:
  MixOp(std::vector<std::int64_t> index, const std::vector<bool>& has_affine) : index_(std::move(index)) {
    for (bool has : has_affine)
      affine_.push_back(has ? 1 + has_affine.size() + affines_++ : 0);
  }

  /// Per branch, its entry of alpha.
  const std::vector<std::int64_t>& index() const { return index_; }
  /// Per branch, the input that is its affine, or 0.
  const std::vector<std::size_t>& affine_inputs() const { return affine_; }

  std::string_view name() const override { return "mix"; }
  std::string attrs() const override;
  /// alpha, one z per branch, and the affines.
  std::size_t input_count() const override { return 1 + affine_.size() + affines_; }
  Algebra algebra() const override { return Algebra::kMultilinear; }
  int factor_of(std::size_t input) const override { return input == 0 ? 0 : input > affine_.size() ? 1 : 2; }
  bool is_parameter(std::size_t input) const override { return input == 0 || input > affine_.size(); }
  bool may_scale(std::size_t input) const override { return input != 0 && input <= affine_.size(); }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override;
  void jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Outputs y_dot,
                     std::span<double> acc) const override;
  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;
  Tensor sample_gradients(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 private:
  const std::vector<std::int64_t> index_;
  std::size_t affines_ = 0;  // branches that have one
  std::vector<std::size_t> affine_;
};

}  // namespace ockham
