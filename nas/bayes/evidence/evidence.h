#pragma once
// How much the data speak for a group of switches under one prior N(0, v I), and for which v: type-II maximum
// likelihood on the Laplace model of laplace.h, with the diagonal of the curvature. What a group does for the loss
// counts and not how large its numbers are: scaled by 1/c, with gradients by c and second derivatives by c^2, a group
// keeps its strength. Tipping 2001 (sparse Bayesian learning); Tipping and Faul 2003, "Fast marginal likelihood
// maximisation for sparse Bayesian models", equations 16 to 21, there for groups of one.
//   s_b = H_b / lambda     q_b = (H_b w_b - g_b) / lambda
//   l(v) = 1/2 sum_b [ q_b^2 v / (1 + v s_b) - log(1 + v s_b) ]     log evidence of v against v = 0, the group absent
#include <cstdint>
#include <span>

namespace ockham::nas {

struct GroupEvidence {
  double variance = 0.0;        ///< v*, where l is largest; 0: the group is better absent
  double strength = 0.0;        ///< l(v*) in nats, the log Bayes factor of having the group; >= 0
  std::int64_t uninformed = 0;  ///< members whose second derivative is not positive: nothing is known of them
};

/// l(v). @param q, s  one of each per member, s >= 0
double log_evidence(std::span<const double> q, std::span<const double> s, double v);

/// v* and l(v*). l may have several local maxima: the best point of a fixed logarithmic grid is refined by bisection.
GroupEvidence best_variance(std::span<const double> q, std::span<const double> s);

/// Of switches w where the mean negative log-likelihood has gradient g and second derivatives H, both of the same
/// images and without any penalty. @param lambda  temperature, as in laplace.h
/// @throws UsageError if lambda is not positive, or sizes disagree @throws DivergedError if w or g is not finite
GroupEvidence group_evidence(std::span<const double> w, std::span<const double> g, std::span<const double> H,
                             double lambda);

}  // namespace ockham::nas
