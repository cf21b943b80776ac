#pragma once
// The passes of a node sum on the GPU, which mix and weighted_sum share: the latter is one without affines, its maps
// being of one channel. Branches are read, scaled and added in one launch, up to 40 of them; alpha and the affines are
// read where they lie, so that a recorded step sees what they are now.
#include <span>
#include <vector>

#include "autograd/op.h"

namespace ockham::cuda {

/// Inputs are alpha, every z [N, C, P], and the affines [2, C] of the branches that have one; Saved holds the same.
struct NodeSum {
  std::span<const std::int64_t> index;  ///< per branch, the entry of alpha
  std::span<const std::size_t> affine;  ///< per branch, the input that is its affine, or 0
  std::int64_t N, C, P;

  void forward(Inputs x, Tensor& y) const;
  void vjp(const Saved& saved, std::int64_t D, const Tensor& y_bar, std::span<GradSlot> x_bar) const;
  void jvp(const Saved& saved, std::int64_t D, Inputs x_dot, Tensor& y_dot) const;
  void curvature(const Saved& saved, std::int64_t D, const Tensor& y_bar, Inputs x_dot, std::span<double> acc) const;
  /// Of alpha.
  void weight_diagonal(const Saved& saved, std::int64_t D, const Tensor& y_bar, Grouping grouping, Tensor& H) const;
};

}  // namespace ockham::cuda
