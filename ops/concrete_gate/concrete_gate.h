#pragma once
#include "autograd/tape.h"
#include "engine/random.h"

namespace ockham {

struct ConcreteGateAttrs {
  double temperature = 0.2;    ///< tau, positive
  RandomKey key = {};          ///< of the noise: u1, u2 of channel c of sample n are numbers 2(n C + c), 2(n C + c) + 1
  bool one_per_group = false;  ///< channels of a group share their gate: numbers 2(n G + g), 2(n G + g) + 1
  /// Undefined, or float64 [2], of which the first is read whenever the op runs: the key's step grows by stride times
  /// it. Not to be changed between a forward pass and those that follow it. As in DropAttrs.
  Tensor moving = {};
  std::uint64_t stride = 1;
};

/// Multiplies each channel of each sample by a gate near 0 or 1, a relaxed Bernoulli variable whose drop probability
/// p = sigmoid(logit) is trained:
///   keep[n, c] = sigmoid(-(logit[group[c]] + log(-log u1) - log(-log u2)) / tau),   y = keep x.
/// The difference of the logarithms is logistic noise. Kept values are not scaled up by 1/(1-p).
/// Gal, Hron, Kendall 2017 (concrete dropout); Zhou et al. 2020 (PGNAS, arXiv:1906.09557), with the sign of their
/// program, where the printed formula takes logarithms of negative numbers.
/// @param x      [N, C, ...], float32 | float64
/// @param logit  [G], same dtype: shared by all samples
/// @param group  C indices into logit; empty: G = C in order, or all zero where G = 1
/// @return       [N, C, ...]
/// @throws UsageError for tau <= 0, or what moves is not float64 [2]; ShapeError, DTypeError
/// Saves x, logit. Class: twice differentiable, curved.
Variable concrete_gate(const Variable& x, const Variable& logit, const ConcreteGateAttrs& attrs,
                       std::vector<std::int64_t> group = {});

/// The gate of one channel with logistic noise of u1, u2 in (0, 1): keep of the formula above.
double concrete_keep(double logit, double u1, double u2, double temperature);

}  // namespace ockham
