#pragma once
// What the switches of a network do together: the directions in which a loss bends most.
#include <span>
#include <vector>

namespace ockham::nas {

struct Eigenpair {
  double value = 0.0;
  std::vector<double> vector = {};  ///< of length 1, its largest entry positive
};

/// The `count` largest of a symmetric matrix [K, K], largest first; all where there are fewer. Cost: O(K^3).
/// @throws UsageError if the matrix is not square @throws DivergedError if an entry is not finite
std::vector<Eigenpair> largest_eigenpairs(std::span<const double> matrix, std::size_t count);

}  // namespace ockham::nas
