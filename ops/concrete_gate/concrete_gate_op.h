#pragma once
#include <algorithm>
#include <cmath>

#include "autograd/op.h"
#include "ops/concrete_gate/concrete_gate.h"
#include "ops/moving_key.h"

namespace ockham {

/// The gate of one channel and its first two derivatives by the logit. Real: double; a template, so that kernels share
/// it.
template <class Real>
struct ConcreteValue {
  Real keep, slope, bend;

  /// With logistic noise of u1, u2 in (0, 1).
  static constexpr ConcreteValue of(Real logit, Real u1, Real u2, Real temperature) {
    const Real noise = std::log(-std::log(u1)) - std::log(-std::log(u2));
    const Real keep = Real(1) / (Real(1) + std::exp((logit + noise) / temperature));
    const Real slope = -keep * (Real(1) - keep) / temperature;
    return {keep, slope, -slope * (Real(1) - Real(2) * keep) / temperature};
  }
  /// With numbers 2 pair and 2 pair + 1 of the stream.
  static constexpr ConcreteValue drawn(Real logit, const RandomKey& key, std::int64_t pair, Real temperature) {
    return of(logit, inner(key, 2 * pair), inner(key, 2 * pair + 1), temperature);
  }

 private:
  /// In (0, 1), so that its double logarithm is finite: uniform() is below 1 but may be 0.
  static constexpr Real inner(const RandomKey& key, std::int64_t index) {
    return std::max(Real(0x1p-54), static_cast<Real>(uniform(key, static_cast<std::uint64_t>(index))));
  }
};

class ConcreteGate : public Op {
 public:
  ConcreteGate(const ConcreteGateAttrs& attrs, std::vector<std::int64_t> group)
      : attrs_(attrs), group_(std::move(group)) {}

  const ConcreteGateAttrs& attributes() const { return attrs_; }
  /// Of the noise, as it lies on the device `at`.
  MovingKey key(Device at) const { return moving_key(attrs_.key, attrs_.moving, attrs_.stride, at); }
  /// Of channel c of C, for G logits.
  std::int64_t group_of(std::int64_t c, std::int64_t G) const {
    return !group_.empty() ? group_[static_cast<std::size_t>(c)] : G == 1 ? 0 : c;
  }

  std::string_view name() const override { return "concrete_gate"; }
  std::string attrs() const override;
  std::size_t input_count() const override { return 2; }
  Algebra algebra() const override { return Algebra::kCurved; }
  bool is_parameter(std::size_t input) const override { return input == 1; }

  std::vector<Spec> infer(std::span<const Spec> x) const override;

  void forward(Inputs x, Outputs y, Saved& saved) const override;
  void vjp(const Saved& saved, std::int64_t D, Inputs y_bar, std::span<GradSlot> x_bar) const override;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Outputs y_dot) const override;
  // D2f[t, t] = 2 slope t_logit t_x + bend t_logit^2 x.
  void curvature(const Saved& saved, std::int64_t D, Inputs y_bar, Inputs, Inputs x_dot, Inputs,
                 std::span<double> acc) const override;

 private:
  std::int64_t group_of(const Saved& saved, std::int64_t plane) const {
    return group_of(plane % saved[0].size(1), saved[1].size(0));
  }

  /// Which pair of random numbers the plane's noise is made of.
  std::int64_t noise_of(const Saved& saved, std::int64_t plane) const;

  /// Calls body(plane, its elements, its gate) over threads; planes are channels of samples.
  template <class Body>
  void each_plane(const Saved& saved, Body&& body) const;

  template <class T>
  double logit_dot(const Saved& saved, Inputs x_dot, std::int64_t d, std::int64_t plane) const;

  /// [D G]: sums [D, planes] of each logit's planes, in order.
  Tensor by_group(const Saved& saved, std::int64_t D, const std::vector<double>& sums) const;

  const ConcreteGateAttrs attrs_;
  const std::vector<std::int64_t> group_;
};

}  // namespace ockham
