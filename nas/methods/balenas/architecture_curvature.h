#pragma once
// Diagonal second derivatives of the validation loss by the architecture parameters, for natural-gradient steps: the
// exact ones (VON), and the Gauss-Newton-like mean over examples of squared gradients (VOGN). Khan et al. 2018,
// arXiv:1806.04854.
#include "autograd/hessian.h"
#include "nas/spaces/search_network.h"

namespace ockham::nas {

/// d2 L / d alpha2 of the batch's mean loss, batch norm on its statistics; float64, one tensor a parameter. Exact.
/// Cost: a tangent sweep for every entry (autograd/hessian.h, algorithm F), each about a forward pass.
std::vector<Tensor> architecture_hessian(const SearchNetwork& network, const Batch& batch,
                                         const HessianOptions& options = {});

/// Mean over the batch's examples of (d L_i / d alpha)^2, L_i the loss of example i, with the batch's statistics taken
/// as constants so that L_i is a function of example i alone; float64. Cost: memory and time of as many backward passes
/// as there are examples, each over the whole batch.
std::vector<Tensor> mean_squared_gradients(const SearchNetwork& network, const Batch& batch);

}  // namespace ockham::nas
