#pragma once
// The divergence of variational_dropout.h as a formula for any device, and its gradients on others than the CPU.
#include <algorithm>
#include <cmath>

#include "engine/per_device.h"
#include "nas/bayes/dropout/variational_dropout.h"

namespace ockham::nas {

/// dropout_divergence() of one group. Real: double; a template, so that kernels share it.
template <class Real>
constexpr DropoutDivergence divergence_of(Real square, std::int64_t gates, Real logit, const DropoutPrior& prior) {
  // log p and log (1 - p): log(1 + exp(x)) is max(x, 0) + log(1 + exp(-|x|)).
  const Real rest = std::log1p(std::exp(-std::abs(logit)));
  const Real log_p = -std::max(-logit, Real(0)) - rest, log_q = -std::max(logit, Real(0)) - rest;
  const Real p = std::exp(log_p), q = std::exp(log_q);
  const Real weight = (prior.kl_half ? Real(0.5) : Real(1)) * prior.precision / prior.examples;
  const Real entropy = prior.entropy_weight * static_cast<Real>(gates) / prior.examples;
  return {.value = weight * q * square + entropy * (p * log_p + q * log_q),
          .by_kernel = Real(2) * weight * q,
          .by_logit = p * q * (entropy * logit - weight * square)};  // log(p / q) is the logit
}

/// add_dropout_divergence() to grads that are there.
inline constinit PerDevice<void(std::span<const GatedGroup> groups, const DropoutPrior& prior)>
    add_dropout_divergence_on{"add_dropout_divergence"};

}  // namespace ockham::nas
