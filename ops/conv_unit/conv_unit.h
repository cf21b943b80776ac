#pragma once
#include "autograd/tape.h"
#include "ops/conv2d/conv2d.h"

namespace ockham {

struct ConvUnitAttrs {
  bool rectifies = true;      ///< relu after the affine load
  bool takes_moments = true;  ///< also returns the moments of z
  Conv2dAttrs conv = {};      ///< of w
};

struct ConvUnitResult {
  Variable z;
  Variable moments;  ///< [2, K]: mean and biased variance of z per channel; undefined unless asked for
};

/// The unit that cells are made of, in one pass over each sample while it is in the cache:
///   r = relu(s x + b) -> q = conv2d(r, w) -> z = conv2d(q, w_pointwise) -> moments of z,
/// where (s, b) is a batch norm folded to a scale and a shift per channel (ops/batch_norm_fold). Only x and z stay for
/// the later passes; r and q live in a tile and are computed again. The composition of conv2d, relu and moments is the
/// reference. Ioffe and Szegedy 2015; the split of batch norm follows from y = gamma (z - mean)/sqrt(var + eps) + beta
/// being affine in z.
/// @param x [N, C, H, W]  float32 | float64
/// @param affine [2, C]: row 0 the scale s, row 1 the shift b; undefined: s = 1, b = 0
/// @param w [K1, C/groups, R, S], for conv2d with attrs.conv
/// @param w_pointwise [K, K1, 1, 1]; undefined: z = q, K = K1
/// @return z [N, K, P, Q]
/// @throws ShapeError, DTypeError as conv2d; Error from the recursion, which needs the separate layers
/// Saves x, affine, weights, and z with its moments if asked for. Piecewise where it rectifies. With moments it couples
/// samples and is curved; without, multilinear: factors {x}, {affine}, {w}, {w_pointwise}. weight_diagonal: for both
/// weights, without moments.
ConvUnitResult conv_unit(const Variable& x, const Variable& affine, const Variable& w, const Variable& w_pointwise,
                         const ConvUnitAttrs& attrs);

}  // namespace ockham
