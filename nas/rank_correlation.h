#pragma once
// How alike two rankings are. NaN counts as minus infinity: what has no value is worst.
#include <span>
#include <vector>

namespace ockham::nas {

/// Minus infinity in place of NaN: fit to be compared.
std::vector<double> without_nan(std::vector<double> values);

/// The place of each value among all, 0 the smallest; equal ones share the mean of their places.
std::vector<double> mean_ranks(std::span<const double> values);

/// Spearman's rho: the correlation of ranks, ties sharing their mean rank. NaN if a side is constant or sizes differ.
double spearman(std::span<const double> a, std::span<const double> b);

/// Kendall's tau-b: concordant minus discordant pairs, corrected for ties. O(n^2). NaN as above.
double kendall(std::span<const double> a, std::span<const double> b);

}  // namespace ockham::nas
