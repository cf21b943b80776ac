#pragma once
// How to choose among candidates by several proxies, or by one from several seeds. scores[p][i]: what proxy p makes of
// candidate i, larger is better (pass minus ntk_condition); NaN counts as minus infinity. What comes back has a number
// for each candidate, and its first largest element is the choice. Leave out candidates that transmit nothing: some
// proxies give them ordinary numbers.
#include <span>
#include <vector>

namespace ockham::nas::proxies {

/// The sum of a candidate's places by each proxy, 0 the worst, equal ones sharing the mean of their places. Chen et al.
/// 2021 (TE-NAS). Scores of several seeds are averaged like this and not as they are.
/// @throws UsageError if there is no proxy, or one scores another number of candidates than the first
std::vector<double> rank_sums(std::span<const std::vector<double>> scores);

/// The sum of the logarithms of a candidate's places as parts of all, 1 the best: one bad place costs more than in
/// rank_sums(). Lee and Ham 2024 (AZ-NAS); of the Fisher spectrum's aggregate, Tybl and Neumann 2025.
/// @throws UsageError as above
std::vector<double> log_rank_sums(std::span<const std::vector<double>> scores);

/// The number of others to which more proxies prefer a candidate than the other way round, and half of those where
/// neither side has more. Abdelfattah et al. 2021: SynFlow, jacobian covariance and SNIP. Cost: the square of the
/// number of candidates. @throws UsageError as above
std::vector<double> votes(std::span<const std::vector<double>> scores);

}  // namespace ockham::nas::proxies
