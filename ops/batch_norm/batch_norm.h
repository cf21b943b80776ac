#pragma once
// Batch normalisation, per channel: y = gamma (x - mean) / sqrt(variance + eps) + beta.
// Ioffe and Szegedy 2015, arXiv:1502.03167. Which mean and variance makes two ops with different algebra: the batch's
// own (training) or constants (evaluation, or batch statistics frozen so that algorithm R applies).
#include "autograd/tape.h"

namespace ockham {

struct BatchNormAttrs {
  double eps = 1e-5;  ///< added to the variance, >= 0
};

struct BatchNormResult {
  Variable y;       ///< shape and dtype of x
  Tensor mean;      ///< [C], of this batch
  Tensor variance;  ///< [C], of this batch, biased (divided by the number of values)
};

/// With the statistics of this batch, through which derivatives flow; statistics and sums in double.
/// @param x     [N, C, H, W] or [N, C], float32 | float64, at least one value per channel (a single one gives beta)
/// @param gamma [C], or undefined together with beta: not affine (gamma 1, beta 0)
/// @param beta  [C]
/// @throws ShapeError, DTypeError; Error if only one of gamma and beta is defined; UsageError for eps < 0
/// Saves x. Couples samples. Class: curved; curvature() reads x_bar.
BatchNormResult batch_norm_train(const Variable& x, const Variable& gamma, const Variable& beta,
                                 const BatchNormAttrs& attrs = {});

/// With given statistics, constants without a derivative.
/// @param x, gamma, beta, attrs and errors as for batch_norm_train; x may be empty
/// @param mean, variance [C], dtype of x
/// Saves x. Class: multilinear, factors {x, beta} and {gamma}.
Variable batch_norm_eval(const Variable& x, const Variable& gamma, const Variable& beta, const Tensor& mean,
                         const Tensor& variance, const BatchNormAttrs& attrs = {});

}  // namespace ockham
