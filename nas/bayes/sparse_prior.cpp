#include "nas/bayes/sparse_prior.h"

#include <algorithm>
#include <cmath>

#include "nas/bayes/laplace.h"

namespace ockham::nas {

double effective_variance(double gamma, double gate) {
  return 1.0 / (1.0 / gamma + 1.0 / gate);
}

double group_penalty(std::span<const double> w, double strength) {
  return strength * group_norm(w);
}

void add_group_penalty_gradient(std::span<const double> w, double strength, std::span<double> gradient) {
  const double norm = group_norm(w);
  if (norm == 0.0)
    return;
  for (std::size_t i = 0; i < w.size(); ++i)
    gradient[i] += strength * w[i] / norm;
}

void shrink_group(std::span<double> w, double threshold) {
  const double norm = group_norm(w);
  const double factor = norm > threshold ? 1.0 - threshold / norm : 0.0;
  for (double& value : w)
    value *= factor;
}

double evidence_bound(std::span<const double> w, std::span<const double> s, std::span<const double> gradient,
                      std::span<const double> hessian, std::span<const double> w_star, double lambda) {
  double sum = 0.0;
  for (std::size_t i = 0; i < w.size(); ++i) {
    sum += hessian[i] * w[i] * w[i] + 2.0 * w[i] * (gradient[i] - hessian[i] * w_star[i]);
    sum += lambda * (w[i] * w[i] / s[i] + std::log1p(s[i] * hessian[i] / lambda));
  }
  return sum;
}

}  // namespace ockham::nas
