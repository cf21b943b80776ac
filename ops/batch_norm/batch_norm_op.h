#pragma once
// What batch_norm_train and batch_norm_eval share. Their Jacobians differ by the projector that batch statistics add:
//   eval   J = gamma/s            train   J = (gamma/s) (I - 1 1^T/m - xhat xhat^T/m),    m values per channel,
// with s = sqrt(variance + eps) and xhat = (x - mean)/s. Both are symmetric in x.
#include <algorithm>

#include "autograd/op.h"
#include "autograd/side_interfaces.h"
#include "engine/parallel.h"
#include "ops/batch_norm/batch_norm.h"
#include "ops/batch_norm/batch_norm_kernels.h"

namespace ockham {

/// {x} or {x, gamma, beta}. @throws Error if only one of gamma and beta is defined
std::vector<Variable> batch_norm_inputs(const Variable& x, const Variable& gamma, const Variable& beta);

/// Saves x, the mean and 1/s in double [C], and gamma where affine.
class BatchNormOp : public Op {
 public:
  static constexpr std::size_t kGamma = 1;  // positions of the inputs, where affine
  static constexpr std::size_t kBeta = 2;

  BatchNormOp(const BatchNormAttrs& attrs, bool is_affine, bool uses_batch)
      : eps_(attrs.eps), is_affine_(is_affine), uses_batch_(uses_batch) {}

  double eps() const { return eps_; }
  bool is_affine() const { return is_affine_; }
  /// Statistics of the batch, not given ones.
  bool uses_batch() const { return uses_batch_; }

  std::string attrs() const override;
  /// x, gamma and beta where affine, and in eval mode the mean and the variance.
  std::size_t input_count() const override { return (is_affine_ ? 3 : 1) + (uses_batch_ ? 0 : 2); }
  bool is_parameter(std::size_t input) const override { return input != 0; }
  bool has_derivative(std::size_t output) const override { return output == 0; }
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;

 protected:
  /// The rules that both modes have.
  void check(std::span<const Spec> x) const;
  /// y from x and float64 statistics; keeps what later passes read.
  void normalise(Inputs x, Tensor& y, Saved& saved, const Tensor& mean, const Tensor& inverse_s) const;

  static cpu::ChannelLayout layout_of(const Tensor& x);
  /// Channels of so many values that a thread should take at once.
  static std::int64_t grain_of(const cpu::ChannelLayout& layout);
  /// gamma of channel c; 1 where not affine.
  template <class T>
  double gamma(const Saved& saved, std::int64_t c) const {
    return is_affine_ ? static_cast<double>(saved[3].data<T>()[c]) : 1.0;
  }
  /// What normalise() kept.
  static const Tensor& x_of(const Saved& saved) { return saved[0]; }
  static double mean_of(const Saved& saved, std::int64_t c) { return saved[1].data<double>()[c]; }
  static double inverse_s_of(const Saved& saved, std::int64_t c) { return saved[2].data<double>()[c]; }

  const double eps_;
  const bool is_affine_;

 private:
  const bool uses_batch_;
};

class BatchNormTrain : public BatchNormOp, public ReadsInputCotangents {
 public:
  BatchNormTrain(const BatchNormAttrs& attrs, bool is_affine) : BatchNormOp(attrs, is_affine, true) {}

  std::string_view name() const override { return "batch_norm_train"; }
  Algebra algebra() const override { return Algebra::kCurved; }
  bool couples_samples() const override { return true; }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override;

 private:
  template <class T>
  double channel_curvature(const Saved& saved, std::int64_t c, std::int64_t d, const cpu::Moments& lambda,
                           const Tensor& y_bar, const Tensor& x_bar, Inputs x_dot, const Tensor& y_dot) const;
};

class BatchNormEval : public BatchNormOp, public HasRecursion {
 public:
  BatchNormEval(const BatchNormAttrs& attrs, bool is_affine) : BatchNormOp(attrs, is_affine, false) {}

  /// Where the mean stands among the inputs; the variance follows.
  std::size_t mean_input() const { return is_affine_ ? 3 : 1; }

  std::string_view name() const override { return "batch_norm_eval"; }
  Algebra algebra() const override { return Algebra::kMultilinear; }
  int factor_of(std::size_t input) const override { return is_affine_ && input == kGamma ? 1 : 0; }
  bool is_differentiable(std::size_t input) const override { return input < mean_input(); }
  std::vector<Spec> infer(std::span<const Spec> x) const override;
  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs x_bar, Inputs x_dot, Inputs y_dot,
                 std::span<double> acc) const override;
  void weight_diagonal(const Saved& saved, std::int64_t D, Inputs y_bar, std::size_t input, Grouping grouping,
                       Tensor& H) const override;
  void recursion(const Saved& saved, Inputs y_bar, Inputs h_y, std::span<GradSlot> h_x) const override;

 private:
  template <class T>
  void spread(const Saved& saved, std::int64_t c, const T* h, T* to_x, T& to_gamma, T& to_beta) const;
};

}  // namespace ockham
