#include "nas/proxies/selection.h"

#include <cmath>
#include <limits>

#include "engine/error.h"
#include "nas/rank_correlation.h"

namespace ockham::nas::proxies {
namespace {

std::vector<std::vector<double>> checked(std::span<const std::vector<double>> scores) {
  if (scores.empty())
    throw UsageError("selection: there are no proxies; give at least one.");
  std::vector<std::vector<double>> result;
  for (const std::vector<double>& proxy : scores) {
    if (proxy.size() != scores[0].size())
      throw UsageError(concat("selection: one proxy scores ", proxy.size(), " candidates, the first ", scores[0].size(),
                              "; all must score the same."));
    result.push_back(without_nan(proxy));
  }
  return result;
}

/// The sum over proxies of what `worth` makes of a candidate's place, 0 the worst.
template <class Worth>
std::vector<double> sums_of(std::span<const std::vector<double>> scores, Worth&& worth) {
  std::vector<double> sums(scores.empty() ? 0 : scores[0].size());
  for (const std::vector<double>& proxy : checked(scores)) {
    const std::vector<double> ranks = mean_ranks(proxy);
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] += worth(ranks[i]);
  }
  return sums;
}

}  // namespace

std::vector<double> rank_sums(std::span<const std::vector<double>> scores) {
  return sums_of(scores, [](double rank) { return rank; });
}

std::vector<double> log_rank_sums(std::span<const std::vector<double>> scores) {
  const auto all = static_cast<double>(scores.empty() ? 0 : scores[0].size());
  return sums_of(scores, [all](double rank) { return std::log((rank + 1.0) / all); });
}

std::vector<double> votes(std::span<const std::vector<double>> scores) {
  const std::vector<std::vector<double>> proxies = checked(scores);
  std::vector<double> wins(proxies[0].size());
  for (std::size_t i = 0; i < wins.size(); ++i) {
    for (std::size_t j = i + 1; j < wins.size(); ++j) {
      int majority = 0;
      for (const std::vector<double>& proxy : proxies)
        majority += (proxy[i] > proxy[j]) - (proxy[i] < proxy[j]);
      wins[i] += majority > 0 ? 1.0 : majority == 0 ? 0.5 : 0.0;
      wins[j] += majority < 0 ? 1.0 : majority == 0 ? 0.5 : 0.0;
    }
  }
  return wins;
}

}  // namespace ockham::nas::proxies
