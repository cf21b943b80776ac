#pragma once
// How much the loss at hand speaks for each logit of a softmax search network: the evidence
// (nas/bayes/evidence/evidence.h) that it is not the mean of its choice, by its gradient and its exact second
// derivative. A common shift of a choice's logits changes nothing, so that their mean stands for zero.
#include <vector>

#include "autograd/hessian.h"
#include "nas/spaces/space.h"

namespace ockham::nas {

struct LogitEvidence {
  std::vector<double> offset = {};    ///< logit minus the mean of its choice
  std::vector<double> strength = {};  ///< nats; 0 also where the second derivative is not positive
};

/// In the order of the space's choices. Batch norm takes the batch's statistics.
/// @param network  of SearchSpace::make_supernet() @param lambda  temperature, as in laplace.h
/// Cost: where the batch's statistics are not constants a tangent sweep a logit. @throws Error as hessian_diagonal
LogitEvidence logit_evidence(const SearchSpace& space, const SearchNetwork& network, const Batch& batch, double lambda,
                             const HessianOptions& options = {});

/// Nats by name of an option: strengths of its logits that are above the mean of their choices, summed up.
std::vector<std::pair<std::string, double>> nats_in_favour(const SearchSpace& space, const LogitEvidence& evidence);

}  // namespace ockham::nas
