#pragma once
// The op of batch_norm_fold.h, for its passes on other devices too.
#include "autograd/op.h"
#include "autograd/side_interfaces.h"

namespace ockham {

/// Saves m, and gamma where affine.
class BatchNormFold : public Op, public HasJointCurvature {
 public:
  static constexpr std::size_t kGamma = 1;  // positions of the inputs, where affine
  static constexpr std::size_t kBeta = 2;

  BatchNormFold(double eps, bool is_affine) : eps_(eps), is_affine_(is_affine) {}

  double eps() const { return eps_; }
  bool is_affine() const { return is_affine_; }

  std::string_view name() const override { return "batch_norm_fold"; }
  std::string attrs() const override;
  std::size_t input_count() const override { return is_affine_ ? 3 : 1; }
  /// Also where m is constant: a scale is one number for all samples, so R could not square their gradients apart.
  Algebra algebra() const override { return Algebra::kCurved; }
  bool is_parameter(std::size_t) const override { return true; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override;
  void jvp_curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Outputs y_dot,
                     std::span<double> acc) const override;

 private:
  const double eps_;
  const bool is_affine_;
};

// Per channel, with r = (var + eps)^(-1/2): s = gamma r, b = beta - mean s. Along a direction (a prime is d/dtau),
//   r' = -r^3 var'/2,   r'' = 3 r^5 var'^2/4,
//   s' = gamma' r + gamma r',   s'' = 2 gamma' r' + gamma r'',
//   b' = beta' - mean' s - mean s',   b'' = -2 mean' s' - mean s''.
// s reaches y directly and through b, hence everywhere with the cotangent s_bar - mean b_bar.

struct FoldTangent {
  double mean, variance, gamma, beta;
};

/// The formulas above, for any device.
struct FoldChannel {
  double mean, gamma, r;

  constexpr double scale() const { return gamma * r; }
  constexpr double shift(double beta) const { return beta - mean * scale(); }
  constexpr double r_dot(double variance_dot) const { return -0.5 * r * r * r * variance_dot; }
  constexpr double scale_dot(const FoldTangent& t) const { return t.gamma * r + gamma * r_dot(t.variance); }
  constexpr double shift_dot(const FoldTangent& t) const { return t.beta - t.mean * scale() - mean * scale_dot(t); }
  constexpr double scale_ddot(const FoldTangent& t) const {
    const double relative = r * r * t.variance;
    return 2.0 * t.gamma * r_dot(t.variance) + gamma * 0.75 * r * relative * relative;
  }
  constexpr double curvature(double scale_bar, double shift_bar, const FoldTangent& t) const {
    return (scale_bar - mean * shift_bar) * scale_ddot(t) - 2.0 * shift_bar * t.mean * scale_dot(t);
  }
  /// J^T of the cotangents of scale and shift.
  constexpr FoldTangent pulled(double scale_bar, double shift_bar) const {
    const double through_scale = scale_bar - mean * shift_bar;
    return {-scale() * shift_bar, through_scale * gamma * r_dot(1.0), through_scale * r, shift_bar};
  }
};

}  // namespace ockham
