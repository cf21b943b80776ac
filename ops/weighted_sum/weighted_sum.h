#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "autograd/tape.h"

namespace ockham {

/// The mix of a supernet's node: y = sum_k alpha[index[k]] * branch_k (Liu, Simonyan, Yang, DARTS 2019, eq. 2, without
/// the softmax).
/// @param alpha P entries of any rank but 0, counted in row-major order, float32 | float64
/// @param branches K >= 1 tensors of one shape, same dtype as alpha; dimension 0 is the sample
/// @param index K entries in [0, P), may repeat; default 0..K-1
/// @return  the branches' shape
/// @throws ShapeError, DTypeError
/// Saves alpha and the branches. Class: multilinear: alpha is one factor, all branches together the other. Forward,
/// and the gradient of alpha, read each branch once. Tangents of branches that are undefined, and directions in which
/// an entry of alpha does not move, cost nothing. weight_diagonal: sum over directions d and samples n of
/// <y_bar[d,n], sum of the branches of an entry>^2; entries not in index get nothing.
Variable weighted_sum(const Variable& alpha, std::span<const Variable> branches, std::vector<std::int64_t> index = {});

}  // namespace ockham
