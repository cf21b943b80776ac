#include "nas/bayes/variational_dropout.h"

#include <cmath>

#include "engine/error.h"
#include "engine/math.h"
#include "nas/element.h"

namespace ockham::nas {
namespace {

/// log(1 + exp(x))
double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

void check(const DropoutPrior& prior) {
  if (!(prior.examples > 0.0) || !(prior.precision >= 0.0) || !(prior.entropy_weight >= 0.0))
    throw UsageError(concat("dropout prior: ", prior.examples, " examples, precision ", prior.precision,
                            ", entropy weight ", prior.entropy_weight,
                            "; needs more than 0 examples and nothing negative."));
}

DropoutDivergence of_group(const GatedGroup& group, const DropoutPrior& prior) {
  double square = group.kernels.empty() ? group.constant_square : 0.0;
  for (const Parameter* kernel : group.kernels)
    square += dot(kernel->value, kernel->value);
  return dropout_divergence(square, group.gates(), element(group.logit->value, static_cast<std::size_t>(group.entry)),
                            prior);
}

Tensor& grad_of(Parameter& parameter) {
  if (!parameter.grad)
    parameter.grad = Tensor::zeros(parameter.value.shape(), parameter.value.dtype(), parameter.value.device());
  return parameter.grad;
}

}  // namespace

DropoutDivergence dropout_divergence(double square, std::int64_t gates, double logit, const DropoutPrior& prior) {
  const double log_p = -softplus(-logit), log_q = -softplus(logit);
  const double p = std::exp(log_p), q = std::exp(log_q);
  const double weight = (prior.kl_half ? 0.5 : 1.0) * prior.precision / prior.examples;
  const double entropy = prior.entropy_weight * static_cast<double>(gates) / prior.examples;
  return {.value = weight * q * square + entropy * (p * log_p + q * log_q),
          .by_kernel = 2.0 * weight * q,
          .by_logit = p * q * (entropy * logit - weight * square)};  // log(p / q) is the logit
}

double dropout_divergence(std::span<const GatedGroup> groups, const DropoutPrior& prior) {
  check(prior);
  double total = 0.0;
  for (const GatedGroup& group : groups)
    total += of_group(group, prior).value;
  return total;
}

double add_dropout_divergence(std::span<const GatedGroup> groups, const DropoutPrior& prior) {
  check(prior);
  double total = 0.0;
  for (const GatedGroup& group : groups) {
    const DropoutDivergence divergence = of_group(group, prior);
    total += divergence.value;
    for (Parameter* kernel : group.kernels)
      axpy(divergence.by_kernel, kernel->value, grad_of(*kernel));
    Tensor& grad = grad_of(*group.logit);
    const auto entry = static_cast<std::size_t>(group.entry);
    set_element(grad, entry, element(grad, entry) + divergence.by_logit);
  }
  return total;
}

}  // namespace ockham::nas
