#include "nas/bayes/dropout/variational_dropout.h"

#include "engine/error.h"
#include "engine/math.h"
#include "nas/bayes/dropout/dropout_divergence.h"
#include "nas/element.h"

namespace ockham::nas {
namespace {

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

void require_grad(Parameter& parameter) {
  if (!parameter.grad)
    parameter.grad = Tensor::zeros(parameter.value.shape(), parameter.value.dtype(), parameter.value.device());
}

}  // namespace

DropoutDivergence dropout_divergence(double square, std::int64_t gates, double logit, const DropoutPrior& prior) {
  return divergence_of(square, gates, logit, prior);
}

double dropout_divergence(std::span<const GatedGroup> groups, const DropoutPrior& prior) {
  check(prior);
  double total = 0.0;
  for (const GatedGroup& group : groups)
    total += of_group(group, prior).value;
  return total;
}

void add_dropout_divergence(std::span<const GatedGroup> groups, const DropoutPrior& prior) {
  check(prior);
  for (const GatedGroup& group : groups) {
    std::ranges::for_each(group.kernels, [](Parameter* kernel) { require_grad(*kernel); });
    require_grad(*group.logit);
  }
  if (groups.empty())
    return;
  if (const Device device = groups[0].logit->value.device(); !device.is_cpu())
    return add_dropout_divergence_on(device, groups, prior);
  for (const GatedGroup& group : groups) {
    const DropoutDivergence divergence = of_group(group, prior);
    for (Parameter* kernel : group.kernels)
      axpy(divergence.by_kernel, kernel->value, kernel->grad);
    Tensor& grad = group.logit->grad;
    const auto entry = static_cast<std::size_t>(group.entry);
    set_element(grad, entry, element(grad, entry) + divergence.by_logit);
  }
}

}  // namespace ockham::nas
