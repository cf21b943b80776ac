#pragma once
// What weight_diagonal() of ops with weights shares on the GPU, beside add_grouped().
#include "engine/tensor.h"

namespace ockham::cuda {

/// H[g] += the sum over all rows, and the entries of group g, of the squares of `gradients`: float64 [rows, entries] of
/// one parameter, whose groups are entries / H.numel() neighbours each. H: float64.
void add_squares(const Tensor& gradients, Tensor& H);

}  // namespace ockham::cuda
