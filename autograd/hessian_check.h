#pragma once
// The self-check of the exact Hessian: sampled entries against central differences of the gradient, in float64.
#include <functional>

#include "autograd/hessian.h"

namespace ockham {

struct HessianCheck {
  std::int64_t entries = 0;
  double worst = 0.0;  ///< largest |exact - difference| over the largest |exact| of all entries
};

/// @param build_loss  records the loss of one fixed batch on a float64 network
/// @param exact       diagonals of `parameters`, on the same network and batch
/// The step falls from 1e-5 to 1e-8 until the two agree: in a large network some relu or max_pool2d has its kink
/// between the two points of a longer step, whose difference then is no derivative. A wrong exact value agrees with no
/// step.
HessianCheck check_hessian(const std::function<Variable(Tape&)>& build_loss, std::span<Parameter* const> parameters,
                           std::span<const Tensor> exact, std::int64_t entries, std::uint64_t seed);

}  // namespace ockham
