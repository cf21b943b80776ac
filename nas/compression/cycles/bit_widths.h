#pragma once
// How many bits a layer's weights are worth: rounding to a grid is noise, and what is less than the posterior's own
// spread tells nothing the data know. Louizos, Ullrich, Welling 2017 (Bayesian compression, arXiv:1705.08665, section
// 3.3), here with the Laplace posterior, whose precision is H / lambda.
#include <span>
#include <vector>

#include "nas/compression/prior/masks.h"

namespace ockham::nas {

struct BitWidth {
  std::size_t parameter = 0;
  std::int64_t weights = 0;  ///< that are not pruned
  double step = 0.0;         ///< of the grid
  int bits = 0;              ///< 1 to 32, a sign among them
};

/// For each parameter with second derivatives and weights left, the coarsest grid over [-max |w|, max |w|] whose
/// rounding noise, step^2 / 12 for each weight, costs half a nat a weight by the diagonal model: step^2 = 12 / mean(H /
/// lambda). 1 bit where no weight has curvature.
/// @param hessian  float64 by parameter; undefined for those that stay as they are
/// @throws UsageError if lambda is not positive
std::vector<BitWidth> bit_widths(const Masks& masks, std::span<const Tensor> hessian, double lambda);

/// Bytes of all that is not pruned: `widths` as told, the others' entries at 32 bits. Places of weights are not
/// counted.
double bytes_at(std::span<const BitWidth> widths, const Masks& masks);

}  // namespace ockham::nas
