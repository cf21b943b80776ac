#pragma once
// Inside nas/genotype only: what the readers of genotype text share.
#include <cstddef>
#include <string>

namespace ockham::nas {

/// Longest genotype text that is read; a real one has a few kB.
inline constexpr std::size_t kMaxGenotypeText = std::size_t{1} << 20;

/// "max_pool_3x3, avg_pool_3x3, ...": for messages.
std::string known_primitives();

}  // namespace ockham::nas
