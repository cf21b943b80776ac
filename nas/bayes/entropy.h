#pragma once
// The pruning rule of BayesNAS: a switch whose prior N(0, v) has non-positive differential entropy carries no
// information and is redundant. Zhou, Yang, Wang, Pan 2019, arXiv:1905.04919.
#include <cmath>
#include <numbers>

namespace ockham::nas {

/// tau = 1 / (2 pi e), the variance of entropy 0: 0.0585498...
inline constexpr double kPruneThreshold = 1.0 / (2.0 * std::numbers::pi * std::numbers::e);

/// 1/2 ln(2 pi e v), in nats; minus infinity at v = 0.
inline double gaussian_entropy(double v) {
  return 0.5 * std::log(v / kPruneThreshold);
}

/// v <= tau. NaN counts as redundant: nothing is known about it.
inline bool is_redundant(double v, double tau = kPruneThreshold) {
  return !(v > tau);
}

}  // namespace ockham::nas
