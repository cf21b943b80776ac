#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "autograd/tape.h"

namespace ockham {

/// One branch of a node sum: scale * z + shift per channel. Batch norm folded into the two numbers that it is.
struct MixBranch {
  Variable z;       ///< [N, C, H, W] or [N, C]
  Variable affine;  ///< [2, C]: row 0 the scale, row 1 the shift; undefined: the branch is z itself
};

/// The mix of a supernet's node, with the branches' batch norms applied on the way, so that no normalised tensor is
/// ever stored: y[n,c,p] = sum_k alpha[index[k]] * (scale_k[c] * z_k[n,c,p] + shift_k[c])
/// (Liu, Simonyan, Yang, DARTS 2019, eq. 2, without the softmax).
/// @param alpha P entries of any rank but 0, counted in row-major order, float32 | float64; may be a constant
/// @param branches K >= 1; all z of one shape, everything of alpha's dtype; one z or affine may serve several branches
/// @param index K entries in [0, P), may repeat; default 0..K-1
/// @return  the shape of z
/// @throws ShapeError, DTypeError
/// Saves alpha, every z and every affine. Class: multilinear: alpha is one factor, the affines a second, the z a third.
/// Forward reads each z once, vjp reads each z and writes each z_bar once; sums over a plane are in float lanes (at
/// most 4096 elements), all further ones in double. Tangents that are undefined, and directions in which an entry of
/// alpha does not move, cost nothing. weight_diagonal, of alpha only: sum over directions d and samples n of
/// <y_bar[d,n], sum of the branches of an entry>^2; entries not in index get nothing.
Variable mix(const Variable& alpha, std::span<const MixBranch> branches, std::vector<std::int64_t> index = {});

}  // namespace ockham
