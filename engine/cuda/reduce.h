#pragma once
// Sums of many partial sums: the second of the two launches that every long sum takes.
#include <cstdint>

#include "engine/tensor.h"

namespace ockham::cuda {

/// totals[i] = (adds ? totals[i] : 0) + sum over p of parts[p, i], p in order; parts [P, n], totals of n elements, on
/// the device, both float64.
void sum_parts(const Tensor& parts, Tensor& totals, bool adds = false);

/// The elements of a small float64 tensor on the device. Waits for them.
std::vector<double> downloaded(const Tensor& values);

}  // namespace ockham::cuda
