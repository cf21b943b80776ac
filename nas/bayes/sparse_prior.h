#pragma once
// The hierarchical prior that ties an operation to the gate before it, and the penalty that the bounded evidence turns
// into while weights are trained. Zhou, Yang, Wang, Pan 2019, arXiv:1905.04919 (HARD: hierarchical automatic relevance
// determination); Yuan and Lin 2006 for the group norm; Parikh and Boyd 2014, section 6.5.1, for its proximal step.
#include <span>

namespace ockham::nas {

/// 1/s = 1/gamma + 1/gate: precisions add where Gaussian densities multiply, so s <= min(gamma, gate). An infinite gate
/// leaves gamma, a zero on either side gives zero.
double effective_variance(double gamma, double gate);

/// strength * ||w||_2, with strength = lambda * omega.
double group_penalty(std::span<const double> w, double strength);
/// gradient += strength * w / ||w||_2; adds nothing at w = 0, which is a subgradient.
void add_group_penalty_gradient(std::span<const double> w, double strength, std::span<double> gradient);
/// w *= max(0, 1 - threshold / ||w||_2), threshold = learning rate * lambda * omega. Unlike a gradient step it reaches
/// exact zeros.
void shrink_group(std::span<double> w, double threshold);

/// Twice lambda times the negative log evidence, up to constants, of switches w under N(0, diag(s)) when the data term
/// has gradient g and diagonal Hessian h >= 0 at the point w_star:
///   L(w, s) = sum_i h w^2 + 2 w (g - h w_star) + lambda (w^2/s + log(1 + s h / lambda))
/// Alternating an exact minimisation of the penalised loss with update_group (kSupplement) never increases it.
/// s holds one variance per member, all > 0.
double evidence_bound(std::span<const double> w, std::span<const double> s, std::span<const double> gradient,
                      std::span<const double> hessian, std::span<const double> w_star, double lambda);

}  // namespace ockham::nas
