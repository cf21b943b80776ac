#pragma once
// How alike two rankings are.
#include <span>

namespace ockham::nas {

/// Spearman's rho: the correlation of ranks, ties sharing their mean rank. NaN if a side is constant or sizes differ.
double spearman(std::span<const double> a, std::span<const double> b);

/// Kendall's tau-b: concordant minus discordant pairs, corrected for ties. O(n^2). NaN as above.
double kendall(std::span<const double> a, std::span<const double> b);

}  // namespace ockham::nas
