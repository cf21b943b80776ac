#pragma once
#include "autograd/op.h"
#include "ops/squared_error/squared_error.h"

namespace ockham {

class SquaredError : public LossOp {
 public:
  std::string_view name() const override { return "squared_error"; }
  std::size_t input_count() const override { return 2; }
  Algebra algebra() const override { return Algebra::kCurved; }
  bool is_differentiable(std::size_t input) const override { return input == 0; }
  bool couples_samples() const override { return true; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;
  /// Saves y - t.
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override;

  std::int64_t factor_columns(const Saved& saved) const override { return saved[0].size(1); }
  void factor(const Saved& saved, std::int64_t first, std::int64_t count, Tensor& columns) const override;
  /// 1 while columns are missing: they are all alike, and none may be left out.
  double factor_tail(const Saved& saved, std::int64_t r) const override {
    return r < factor_columns(saved) ? 1.0 : 0.0;
  }
  void recursion_seed(const Saved& saved, Tensor& h) const override;
};

}  // namespace ockham
