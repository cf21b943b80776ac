#pragma once
#include "autograd/tape.h"

namespace ockham {

/// Batch norm as a scale and a shift per channel: with s = gamma / sqrt(variance + eps) and b = beta - mean s,
/// y = s x + b is gamma (x - mean) / sqrt(variance + eps) + beta. Ioffe and Szegedy 2015, arXiv:1502.03167.
/// @param m     [2, C], float32 | float64: means and biased variances >= 0, of this batch (see moments) or constants
/// @param gamma [C], same dtype, or undefined together with beta: not affine (gamma 1, beta 0)
/// @param beta  [C]
/// @param eps   added to the variance, >= 0; a channel with variance + eps = 0 has no finite scale
/// @return      [2, C], same dtype: row 0 the scales s, row 1 the shifts b
/// Arithmetic in double, results in the dtype: s x and b cancel where |mean| is far above the standard deviation, which
/// costs y about |mean|/deviation units of rounding, as many as x itself has lost there; likewise
/// gamma_bar is s_bar - mean b_bar times 1/deviation, off by |mean| |b_bar|/deviation units.
/// @throws ShapeError, DTypeError; Error if only one of gamma and beta is defined; UsageError for eps < 0
/// Saves m and gamma. Class: curved. All inputs are shared by the samples; none has a weight_diagonal, which needs y
/// per sample: where m is constant and algorithm R is wanted, use batch_norm_eval.
Variable batch_norm_fold(const Variable& m, const Variable& gamma, const Variable& beta, double eps = 1e-5);

}  // namespace ockham
