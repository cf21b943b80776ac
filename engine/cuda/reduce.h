#pragma once
// Sums of many partial sums: the second of the two launches that every long sum takes.
#include <span>
#include <vector>

#include "engine/tensor.h"

namespace ockham::cuda {

/// totals[i] = (adds ? totals[i] : 0) + factor times the sum of row i of `rows`, a block a row; rows float64 [n,
/// length], totals float32 | float64 of n elements, on the device.
void sum_rows(const Tensor& rows, Tensor& totals, bool adds = false, double factor = 1.0);

/// acc[i] += factor times the sum of row i of `rows`. Waits for them.
void add_row_sums(const Tensor& rows, double factor, std::span<double> acc);

/// The elements of a small float64 tensor on the device. Waits for them.
std::vector<double> downloaded(const Tensor& values);

}  // namespace ockham::cuda
