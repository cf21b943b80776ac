#pragma once
// Counter-based random numbers: value number `index` of a stream is a function of (seed, purpose, step, index) and
// nothing else, so it is the same at any thread count, on any device and after a resume. Nothing holds hidden state.
// Philox4x32-10: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#include <array>
#include <cstdint>

#include "engine/tensor.h"

namespace ockham {

/// What a stream of random numbers is for; part of its address, so that two uses never share numbers.
enum class Purpose : std::uint32_t { kInit = 1, kDropout, kDropPath, kSplit, kShuffle, kArchitecture, kProbe, kTest };

/// The address of a stream. `step` tells apart repeats of one purpose (training step, layer, parameter).
struct RandomKey {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::kTest;
  std::uint64_t step = 0;
};

/// Ten rounds of Philox4x32.
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key);

/// 64 random bits.
std::uint64_t random_bits(const RandomKey& key, std::uint64_t index);
/// In [0, 1), 53 bits.
double uniform(const RandomKey& key, std::uint64_t index);
/// Mean 0, standard deviation 1 (Box-Muller on two uniforms of the same index).
double normal(const RandomKey& key, std::uint64_t index);
/// Uniform in [0, bound), without bias. @throws Error if bound is 0
std::uint64_t random_below(const RandomKey& key, std::uint64_t index, std::uint64_t bound);

/// Element i of the tensor becomes low + (high - low) * uniform(key, i).
void fill_uniform(Tensor& y, const RandomKey& key, double low, double high);
void fill_normal(Tensor& y, const RandomKey& key, double mean = 0.0, double standard_deviation = 1.0);

}  // namespace ockham
