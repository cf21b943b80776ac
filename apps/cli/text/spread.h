#pragma once
// What several runs of one thing give: their mean and how far they scatter.
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

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

}  // namespace ockham::apps
