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

/// The mean of the middle two of an even number; 0 of no value.
inline double median(std::vector<double> values) {
  if (values.empty())
    return 0.0;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2.0;
}

}  // namespace ockham::apps
