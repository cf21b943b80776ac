#pragma once
#include "autograd/op.h"
#include "ops/softmax/row_op.h"
#include "ops/softmax_cross_entropy/softmax_cross_entropy.h"

namespace ockham {

/// The smoothed label q of C classes.
struct SmoothedLabel {
  double smoothing;
  std::int64_t C;

  /// p - q for class c, where the label is `label`: N times the gradient.
  constexpr double residual(double p, std::int64_t c, std::int64_t label) const {
    return p - (c == label ? 1.0 - smoothing : 0.0) - smoothing / static_cast<double>(C);
  }

  /// The loss of a row of logits z; p = softmax(z).
  template <class Row, class T>
  constexpr double loss(const Row& row, const T* z, std::int64_t label, T* p) const {
    const double lse = log_sum_exp(row, z);
    row.each([&](std::int64_t c) { p[c] = static_cast<T>(std::exp(static_cast<double>(z[c]) - lse)); });
    const double target = lse - static_cast<double>(z[label]);
    if (smoothing == 0.0)
      return target;  // a logit of -inf elsewhere must not turn 0 * inf into NaN
    const double mean = row.sum([&](std::int64_t c) { return z[c]; }) / static_cast<double>(C);
    return (1.0 - smoothing) * target + smoothing * (lse - mean);
  }

  /// The loss of a row along a tangent t.
  template <class Row, class T>
  constexpr double slope(const Row& row, const T* p, std::int64_t label, const T* t) const {
    return row.sum([&](std::int64_t c) { return residual(static_cast<double>(p[c]), c, label) * t[c]; });
  }

  /// sum_c p t^2 - (sum_c p t)^2, as the variance that it is.
  template <class Row, class T>
  static constexpr double curvature(const Row& row, const T* p, const T* t) {
    const double mean = row.sum([&](std::int64_t c) { return p[c] * t[c]; });
    return row.sum([&](std::int64_t c) { return p[c] * (t[c] - mean) * (t[c] - mean); });
  }
};

class SoftmaxCrossEntropy : public LossOp {
 public:
  explicit SoftmaxCrossEntropy(const SoftmaxCrossEntropyAttrs& attrs) : smoothing_(attrs.label_smoothing) {}

  double smoothing() const { return smoothing_; }

  std::string_view name() const override { return "softmax_cross_entropy"; }
  std::string attrs() const override { return concat("label_smoothing=", smoothing_); }
  std::size_t input_count() const override { return 2; }
  Algebra algebra() const override { return Algebra::kCurved; }
  bool is_differentiable(std::size_t input) const override { return input == 0; }
  bool couples_samples() const override { return true; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  /// Saves p and the labels.
  void forward(Inputs x, Outputs y, Saved& saved) const override;

  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override;

  std::int64_t factor_columns(const Saved& saved) const override { return saved[0].size(1) - 1; }
  void factor(const Saved& saved, std::int64_t first, std::int64_t count, Tensor& columns) const override;
  double factor_tail(const Saved& saved, std::int64_t r) const override;
  void recursion_seed(const Saved& saved, Tensor& h) const override;

 private:
  const double smoothing_;
};

}  // namespace ockham
