#include "nas/bayes/laplace.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"

namespace ockham::nas {
namespace {

void check_input(std::span<const double> w, std::span<const double> hessian, double lambda,
                 const LaplaceOptions& options) {
  if (w.size() != hessian.size() || w.empty())
    throw UsageError(concat("variance update: ", w.size(), " values and ", hessian.size(),
                            " second derivatives; a group needs one of each per member, and a member."));
  if (!(lambda > 0.0) || !(options.hessian_scale > 0.0))
    throw UsageError(concat("variance update: lambda = ", lambda, ", hessian_scale = ", options.hessian_scale,
                            "; both must be positive."));
  for (std::size_t i = 0; i < w.size(); ++i) {
    if (!std::isfinite(w[i]) || !std::isfinite(hessian[i]))
      throw DivergedError(concat("variance update: member ", i, " of a group has value ", w[i],
                                 " and second derivative ", hessian[i], "; both must be finite."));
  }
}

}  // namespace

double group_norm(std::span<const double> w) {
  double sum = 0.0;
  for (double value : w)
    sum += value * value;
  return std::sqrt(sum);
}

double scaled_curvature(double hessian, double lambda, const LaplaceOptions& options) {
  const double positive = options.negative == NegativeCurvature::kAbsolute ? std::abs(hessian) : std::max(hessian, 0.0);
  return positive * options.hessian_scale / lambda;
}

void update_group(GroupState& state, std::span<const double> w, std::span<const double> hessian, double lambda,
                  const LaplaceOptions& options, double other_precision) {
  check_input(w, hessian, lambda, options);
  const auto clamped = [&](double v) { return std::clamp(v, options.lowest, options.highest); };
  if (options.order == UpdateOrder::kSupplement)
    state.gamma = clamped(group_norm(w) / state.omega);

  state.covariance.resize(w.size());
  state.alpha.resize(w.size());
  double sum = 0.0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    // 1/gamma - C/gamma^2 cancels badly for small gamma; with q = 1/C - 1/gamma it equals q / (1 + gamma q).
    const double q = other_precision + scaled_curvature(hessian[i], lambda, options);
    state.covariance[i] = state.gamma / (1.0 + state.gamma * q);
    state.alpha[i] = q / (1.0 + state.gamma * q);
    sum += state.alpha[i];
  }
  if (options.sum == GroupSum::kMean)
    sum /= static_cast<double>(w.size());
  state.omega = clamped(std::sqrt(sum));

  if (options.order == UpdateOrder::kCode)
    state.gamma = clamped(group_norm(w) / state.omega);
}

}  // namespace ockham::nas
