#include "nas/bayes/evidence/evidence.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "engine/error.h"

namespace ockham::nas {
namespace {

/// dl/dv.
double slope(std::span<const double> q, std::span<const double> s, double v) {
  double sum = 0.0;
  for (std::size_t b = 0; b < q.size(); ++b) {
    const double one_more = 1.0 + v * s[b];
    sum += (q[b] / one_more) * (q[b] / one_more) - s[b] / one_more;
  }
  return 0.5 * sum;
}

/// Above it every term of the slope is negative; 0 or less: they are so everywhere.
double highest_variance(std::span<const double> q, std::span<const double> s) {
  double highest = 0.0;
  for (std::size_t b = 0; b < q.size(); ++b) {
    if (s[b] > 0.0)
      highest = std::max(highest, (q[b] * q[b] - s[b]) / (s[b] * s[b]));
  }
  return highest;
}

/// From where l is still a straight line to the highest: some hundred points, so that no two maxima share one.
std::vector<double> grid_up_to(double highest, std::span<const double> s) {
  constexpr int kPoints = 600;
  const double stiffest = std::ranges::max(s);
  const double lowest = 1e-3 * std::min(highest, 1.0 / stiffest);
  const double step = std::log(highest / lowest) / kPoints;
  std::vector<double> grid{0.0};
  for (int i = 0; i < kPoints; ++i)
    grid.push_back(lowest * std::exp(step * i));
  grid.push_back(highest);
  return grid;
}

double zero_of_slope(std::span<const double> q, std::span<const double> s, double low, double high) {
  for (;;) {
    const double middle = 0.5 * (low + high);
    if (!(low < middle && middle < high))
      return middle;
    (slope(q, s, middle) > 0.0 ? low : high) = middle;
  }
}

}  // namespace

double log_evidence(std::span<const double> q, std::span<const double> s, double v) {
  double sum = 0.0;
  for (std::size_t b = 0; b < q.size(); ++b)
    sum += q[b] * q[b] * v / (1.0 + v * s[b]) - std::log1p(v * s[b]);
  return 0.5 * sum;
}

GroupEvidence best_variance(std::span<const double> q, std::span<const double> s) {
  const double highest = highest_variance(q, s);
  if (!(highest > 0.0))
    return {};
  const std::vector<double> grid = grid_up_to(highest, s);
  std::size_t best = 0;
  double most = 0.0;
  for (std::size_t i = 1; i < grid.size(); ++i) {
    const double l = log_evidence(q, s, grid[i]);
    if (l > most) {
      most = l;
      best = i;
    }
  }
  if (best == 0 && slope(q, s, 0.0) <= 0.0)
    return {};
  const double low = best == 0 ? 0.0 : grid[best - 1];
  const double high = grid[std::min(best + 1, grid.size() - 1)];
  const double v = zero_of_slope(q, s, low, high);
  const double strength = log_evidence(q, s, v);
  return strength > 0.0 ? GroupEvidence{.variance = v, .strength = strength} : GroupEvidence{};
}

GroupEvidence group_evidence(std::span<const double> w, std::span<const double> g, std::span<const double> H,
                             double lambda) {
  if (w.size() != g.size() || w.size() != H.size())
    throw UsageError(concat("evidence: ", w.size(), " values, ", g.size(), " gradients and ", H.size(),
                            " second derivatives; a group needs one of each per member."));
  if (!(lambda > 0.0))
    throw UsageError(concat("evidence: lambda = ", lambda, "; it must be positive."));
  std::vector<double> q, s;
  std::int64_t uninformed = 0;
  for (std::size_t b = 0; b < w.size(); ++b) {
    if (!std::isfinite(w[b]) || !std::isfinite(g[b]))
      throw DivergedError(concat("evidence: member ", b, " of a group has value ", w[b], " and gradient ", g[b],
                                 "; both must be finite."));
    if (!(H[b] > 0.0) || !std::isfinite(H[b])) {
      ++uninformed;
      continue;
    }
    s.push_back(H[b] / lambda);
    q.push_back((H[b] * w[b] - g[b]) / lambda);
  }
  GroupEvidence result = best_variance(q, s);
  result.uninformed = uninformed;
  return result;
}

}  // namespace ockham::nas
