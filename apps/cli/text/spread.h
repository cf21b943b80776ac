#pragma once
// What several runs of one thing give: their mean and how far they scatter.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

namespace ockham::apps {

struct Spread {
  double mean = std::numeric_limits<double>::quiet_NaN();  ///< NaN of no value
  double deviation = 0.0;                                  ///< sample standard deviation; 0 of one value
};

inline Spread spread_of(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  double sum = 0.0, squares = 0.0;
  for (double value : values)
    sum += value;
  const double mean = sum / count;
  for (double value : values)
    squares += (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? 0.0 : std::sqrt(squares / (count - 1.0))};
}

/// By how much values are better than others, and the standard error of that.
struct Margin {
  double mean = std::numeric_limits<double>::quiet_NaN();
  double error =
      std::numeric_limits<double>::quiet_NaN();  ///< NaN where a side has one value, whose scatter none knows
};

/// Of independent values: the difference of the means, and the root of the sum of deviation^2 / count of both sides.
inline Margin margin_over(std::span<const double> values, std::span<const double> others) {
  const auto square = [](std::span<const double> side) {
    const double deviation = spread_of(side).deviation;
    return side.size() < 2 ? std::numeric_limits<double>::quiet_NaN()
                           : deviation * deviation / static_cast<double>(side.size());
  };
  return {spread_of(values).mean - spread_of(others).mean, std::sqrt(square(values) + square(others))};
}

/// The same over a mean that is known.
inline Margin margin_over(std::span<const double> values, double mean) {
  const Spread spread = spread_of(values);
  return {spread.mean - mean, values.size() < 2 ? std::numeric_limits<double>::quiet_NaN()
                                                : spread.deviation / std::sqrt(static_cast<double>(values.size()))};
}

/// The mean of the middle two of an even number; 0 of no value.
inline double median(std::vector<double> values) {
  if (values.empty())
    return 0.0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

}  // namespace ockham::apps
