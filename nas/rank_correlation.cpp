#include "nas/rank_correlation.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace ockham::nas {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

// NaN has no place in an order: comparisons with it never end a run of equals.
std::vector<double> ordered(std::span<const double> values) {
  return without_nan({values.begin(), values.end()});
}

/// Where the values are, the largest first.
std::vector<std::size_t> descending(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::ranges::greater{}, [&](std::size_t i) { return values[i]; });
  return order;
}

double discounted_gain(std::span<const double> scores, std::span<const double> gains, std::size_t most) {
  const std::vector<std::size_t> order = descending(scores);
  double total = 0.0;
  for (std::size_t begin = 0; begin < std::min(most, order.size());) {
    double gain = 0.0, discount = 0.0;
    std::size_t end = begin;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      gain += gains[order[end]];
      discount += end < most ? 1.0 / std::log2(static_cast<double>(end + 2)) : 0.0;
    }
    total += gain / static_cast<double>(end - begin) * discount;
    begin = end;
  }
  return total;
}

}  // namespace

std::vector<double> without_nan(std::vector<double> values) {
  for (double& value : values)
    value = std::isnan(value) ? -std::numeric_limits<double>::infinity() : value;
  return values;
}

std::vector<double> mean_ranks(std::span<const double> given) {
  const std::vector<double> values = ordered(given);
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> result(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]])
      ++end;
    for (std::size_t i = begin; i < end; ++i)
      result[order[i]] = 0.5 * static_cast<double>(begin + end - 1);
    begin = end;
  }
  return result;
}

double spearman(std::span<const double> a, std::span<const double> b) {
  if (a.size() != b.size() || a.empty())
    return kNone;
  const std::vector<double> x = mean_ranks(a);
  const std::vector<double> y = mean_ranks(b);
  const double mean = 0.5 * static_cast<double>(a.size() - 1);
  double xy = 0.0, xx = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx > 0.0 && yy > 0.0 ? xy / std::sqrt(xx * yy) : kNone;
}

double kendall(std::span<const double> given_a, std::span<const double> given_b) {
  if (given_a.size() != given_b.size())
    return kNone;
  const std::vector<double> a = ordered(given_a), b = ordered(given_b);
  double agreement = 0.0, untied_a = 0.0, untied_b = 0.0;
  const auto sign = [](double v) { return (v > 0.0) - (v < 0.0); };
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t j = i + 1; j < a.size(); ++j) {
      const int s = sign(a[i] - a[j]);
      const int t = sign(b[i] - b[j]);
      agreement += s * t;
      untied_a += s != 0;
      untied_b += t != 0;
    }
  }
  return untied_a > 0.0 && untied_b > 0.0 ? agreement / std::sqrt(untied_a * untied_b) : kNone;
}

double ndcg(std::span<const double> scores, std::span<const double> gains, std::size_t most) {
  if (scores.size() != gains.size())
    return kNone;
  const double best = discounted_gain(gains, gains, most);
  return best > 0.0 ? discounted_gain(ordered(scores), gains, most) / best : kNone;
}

}  // namespace ockham::nas
