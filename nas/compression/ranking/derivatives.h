#pragma once
// Diagonal second derivatives of the mean negative log-likelihood by every weight, averaged over batches.
#include <functional>
#include <vector>

#include "autograd/hessian.h"

namespace ockham::nas {

struct WeightDerivatives {
  std::vector<Tensor> hessian;  ///< float64 on the host, by parameter; undefined where it was not asked for
  double loss = 0.0;            ///< mean
  std::int64_t images = 0;
  std::int64_t negative = 0;  ///< entries of hessian below zero: none by algorithm R or Gauss-Newton
  HessianAlgorithm algorithm = HessianAlgorithm::kAuto;
  std::string reason = {};  ///< for the algorithm
};

/// Records the mean loss of one batch on a tape, one op per layer (Context::fuses false) and without batch statistics,
/// which couple images; tells how many images it is of.
struct BatchLoss {
  Variable loss;
  std::int64_t images = 0;
};
using RecordBatch = std::function<BatchLoss(Tape& tape, std::size_t batch)>;

/// Means over batches, each weighing by its images. Exact with Curvature::kExact: where algorithm R is not, F takes a
/// tangent sweep per weight, and beyond options.max_tangents of those a request is refused.
/// @param wanted  those to derive by; null for others of a list, whose places then stay undefined
/// @throws Error as hessian_diagonal; UsageError without batches
WeightDerivatives mean_derivatives(std::span<Parameter* const> wanted, std::size_t batches, const RecordBatch& record,
                                   const HessianOptions& options = {});

}  // namespace ockham::nas
