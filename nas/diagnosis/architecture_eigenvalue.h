#pragma once
// The alarm for a search that collapses: the largest eigenvalue of the Hessian of the validation loss by the
// architecture parameters. Zela et al. 2020 (arXiv:1909.09656): its growth goes before cells of skip connections.
#include "nas/spaces/search_network.h"

namespace ockham::nas {

struct EigenvalueOptions {
  std::int64_t iterations = 20;
  double reach = 0.01;  ///< of the central difference: r = reach / |v|
  std::uint64_t seed = 0;
};

/// The eigenvalue of largest magnitude, with its sign: an estimate by power iteration on Hessian-vector products, each
/// a central difference of gradients on the same batch,
///   H v = (g(alpha + r v) - g(alpha - r v)) / (2 r).
/// Cost: two gradients an iteration. Architecture and gradients end as they were.
double largest_architecture_eigenvalue(const SearchNetwork& network, const Batch& batch,
                                       const EigenvalueOptions& options = {});

}  // namespace ockham::nas
