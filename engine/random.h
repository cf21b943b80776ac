#pragma once
// Random numbers for tensors and choices, all from the streams of philox.h.
#include "engine/philox.h"
#include "engine/tensor.h"

namespace ockham {

/// Mean 0, standard deviation 1 (Box-Muller on two uniforms of the same index).
double normal(const RandomKey& key, std::uint64_t index);
/// Uniform in [0, bound), without bias. @throws Error if bound is 0
std::uint64_t random_below(const RandomKey& key, std::uint64_t index, std::uint64_t bound);

/// Element i of the tensor becomes low + (high - low) * uniform(key, i).
void fill_uniform(Tensor& y, const RandomKey& key, double low, double high);
void fill_normal(Tensor& y, const RandomKey& key, double mean = 0.0, double standard_deviation = 1.0);

}  // namespace ockham
