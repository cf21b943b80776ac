#pragma once
// How alike two rankings are, and how good the head of one is. NaN counts as minus infinity: what has no value is
// worst.
#include <cstddef>
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

/// Normalised discounted cumulative gain: sum over the first `most` places i = 1, 2, ... by falling score of
/// gain / log2(1 + i), as a part of the same sum by falling gain. 1 where the best lead; what comes behind them counts
/// little, unlike in the two above. Equal scores share the mean of their gains. Jarvelin and Kekalainen 2002, with the
/// discount of Burges et al. 2005; ties as in McSherry and Najork 2008.
/// @param gains  at least 0 @return NaN where sizes differ or no gain is positive
double ndcg(std::span<const double> scores, std::span<const double> gains, std::size_t most);

}  // namespace ockham::nas
