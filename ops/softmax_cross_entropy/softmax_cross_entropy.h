#pragma once
#include "autograd/tape.h"

namespace ockham {

struct SoftmaxCrossEntropyAttrs {
  double label_smoothing = 0.0;  ///< epsilon in [0, 1]: the target becomes (1 - epsilon) one-hot + epsilon / C
};

/// The mean over samples of -sum_c q_c log softmax(logits)_c, with q the (smoothed) one-hot label.
/// Its second derivative diag(p) - p p^T does not depend on the labels. A LossOp: gives the factor that algorithm R
/// pulls back. Class: curved.
/// @param logits [N, C], N and C >= 1, float32 | float64; -inf is taken as probability 0
/// @param labels int64 [N], values in [0, C); not differentiable
/// @return a scalar of the dtype of logits
/// @throws Error naming sample, label and C for a label outside; ShapeError; DTypeError
/// A GPU cannot throw: a label outside makes its loss NaN.
/// Label smoothing: Szegedy et al. 2016, section 7.
Variable softmax_cross_entropy(const Variable& logits, const Variable& labels,
                               const SoftmaxCrossEntropyAttrs& attrs = {});

}  // namespace ockham
