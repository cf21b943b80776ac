#pragma once
// The divergence from its prior of a posterior whose kernels are dropped slice by slice: what makes a drop probability
// learnable. Gal and Ghahramani 2016 (arXiv:1506.02142) for the approximation; Gal, Hron, Kendall 2017 (concrete
// dropout, arXiv:1705.07832); Zhou et al. 2020 (PGNAS, arXiv:1906.09557), equation 15 divided by N.
#include <span>

#include "nas/layers/gate.h"

namespace ockham::nas {

/// Of each slice N(0, 1/l^2), and how the divergence counts beside the mean loss of N examples.
struct DropoutPrior {
  double precision = 150.0;     ///< l^2
  double examples = 5e5;        ///< N; with augmentation more than there are images
  double entropy_weight = 1.0;  ///< r
  bool kl_half = false;         ///< the factor 1/2 of the derivation, which the published program leaves out
};

struct DropoutDivergence {
  double value = 0.0;
  double by_kernel = 0.0;  ///< d value / d m = by_kernel * m
  double by_logit = 0.0;   ///< d value / d logit
};

/// Of one group of K gates with drop probability p = sigmoid(logit) before kernels m of squared norm `square`, up to a
/// constant:
///   h l^2/N (1-p) |m|^2 + r K/N (p log p + (1-p) log(1-p)),   h = 1/2 with kl_half, else 1.
/// Finite for every finite logit.
DropoutDivergence dropout_divergence(double square, std::int64_t gates, double logit, const DropoutPrior& prior);

/// Summed over groups. @throws UsageError unless N > 0, l^2 >= 0 and r >= 0
double dropout_divergence(std::span<const GatedGroup> groups, const DropoutPrior& prior);
/// Adds its gradients to the grads of kernels and logits, which start at zero where there are none. No kernel stands in
/// two groups. Does not wait for a device. @throws UsageError as above
void add_dropout_divergence(std::span<const GatedGroup> groups, const DropoutPrior& prior);

}  // namespace ockham::nas
