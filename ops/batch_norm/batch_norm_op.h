#pragma once
// What batch_norm_train and batch_norm_eval share. Their Jacobians differ by the projector that batch statistics add:
//   eval   J = gamma/s            train   J = (gamma/s) (I - 1 1^T/m - xhat xhat^T/m),    m values per channel,
// with s = sqrt(variance + eps) and xhat = (x - mean)/s. Both are symmetric in x.
#include <algorithm>

#include "autograd/op.h"
#include "engine/parallel.h"
#include "ops/batch_norm/batch_norm.h"
#include "ops/batch_norm/batch_norm_kernels.h"

namespace ockham {

/// {x} or {x, gamma, beta}. @throws Error if only one of gamma and beta is defined
std::vector<Variable> batch_norm_inputs(const Variable& x, const Variable& gamma, const Variable& beta);

class BatchNormOp : public Op {
 public:
  BatchNormOp(const BatchNormAttrs& attrs, bool is_affine, bool uses_batch)
      : eps_(attrs.eps), is_affine_(is_affine), uses_batch_(uses_batch) {}

  std::string attrs() const override;
  /// x, gamma and beta where affine, and in eval mode the mean and the variance.
  std::size_t input_count() const override { return (is_affine_ ? 3 : 1) + (uses_batch_ ? 0 : 2); }
  bool is_parameter(std::size_t input) const override { return input != 0; }
  bool has_derivative(std::size_t output) const override { return output == 0; }
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;

 protected:
  static constexpr std::size_t kGamma = 1;  // positions of the inputs, where affine
  static constexpr std::size_t kBeta = 2;

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

}  // namespace ockham
