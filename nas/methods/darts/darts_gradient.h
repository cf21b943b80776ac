#pragma once
// The architecture gradient of DARTS: of the validation loss at the weights as they are (first order), or as one
// training step would leave them (second order, unrolled). Liu, Simonyan, Yang 2019, arXiv:1806.09055, equations 5
// to 8.
#include "autograd/optim/sgd.h"
#include "nas/spaces/search_network.h"

namespace ockham::nas {

/// The training step that the second order looks ahead by.
struct Unrolling {
  double lr = 0.025;      ///< xi
  double momentum = 0.0;  ///< of `sgd`'s buffers
  double weight_decay = 0.0;
  Sgd* sgd = nullptr;  ///< the weights' optimiser; null: no momentum
};

/// Puts d L_valid(w, alpha) / d alpha into the architecture's grads. @return L_valid
double first_order_gradient(const SearchNetwork& network, const Batch& valid);

/// The same of L_valid(w', alpha), w' = w - xi (g_train + weight_decay w + momentum v):
///   d/d alpha L_valid(w', alpha) - xi (d/d alpha L_train(w+) - d/d alpha L_train(w-)) / (2 eps),
///   w+- = w +- eps d/dw' L_valid(w', alpha),  eps = 0.01 / |d/dw' L_valid|:
/// the published estimate of the mixed second derivative, with an error of the order of eps^2. Weights end as they
/// were, to the bit. Cost: four gradients. @return L_valid(w', alpha)
double second_order_gradient(const SearchNetwork& network, const Batch& train, const Batch& valid,
                             const Unrolling& unrolling);

}  // namespace ockham::nas
