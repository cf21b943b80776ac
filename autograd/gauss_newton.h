#pragma once
// The Gauss-Newton matrix of a loss over some parameters, from the sweeps of algorithm R (hessian.h), which adds up
// squares of per-sample gradients where this keeps products:
//   G = sum_{n,c} j_nc j_nc^T,   j_nc = d<s_nc, logits>/dw in R^K,   s_c the columns of the loss Hessian's factor
// so G = J^T H_loss J, positive semi-definite, float64. Its diagonal is the exact one of the Hessian, as R is refused
// where it is not. Off the diagonal it lacks what R proves to vanish for one entry only: the second derivative of the
// logits by two entries on one path. Where all entries are factors of one op it is the Hessian. Schraudolph 2002,
// "Fast curvature matrix-vector products"; Martens 2020, "New insights and perspectives on the natural gradient
// method".
#include "autograd/hessian.h"

namespace ockham {

struct GaussNewtonMatrix {
  Tensor matrix;                ///< float64 [K, K] on the CPU: all parameters' entries in their order, row-major
  std::int64_t columns = 0;     ///< of the factor
  std::int64_t directions = 0;  ///< D used
  double tail = 0.0;            ///< probability mass that a truncated factor left out; 0: none
};

/// Entries that a matrix may have a side: 512 MiB.
inline constexpr std::int64_t kMostMatrixEntries = 8192;

/// Of `options` it reads directions, cache_bytes, memory_limit and tolerance. The same bits at any number of threads.
/// Cost: the sweeps of R and N (C - 1) K^2 / 2 multiply-additions; memory: D N K and K^2 doubles.
/// @param parameters  each read by an op with gradients per sample (HasSampleGradients): weighted_sum, mix, scale
/// @throws Error where R is not exact (reverse_obstacle), for other parameters, and above kMostMatrixEntries
GaussNewtonMatrix gauss_newton_matrix(const Variable& loss, std::span<Parameter* const> parameters,
                                      const HessianOptions& options = {});

}  // namespace ockham
