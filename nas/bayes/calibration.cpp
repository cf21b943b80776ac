#include "nas/bayes/calibration.h"

#include <algorithm>
#include <cmath>
#include <iomanip>
#include <sstream>

#include "engine/error.h"

namespace ockham::nas {
namespace {

void check_input(std::span<const double> mean_hessian, const CalibrationOptions& options) {
  if (mean_hessian.empty() || options.lambdas.empty())
    throw UsageError(concat("calibration: ", mean_hessian.size(), " groups and ", options.lambdas.size(),
                            " lambdas; at least one of each is needed."));
  for (double value : mean_hessian) {
    if (!std::isfinite(value))
      throw DivergedError(concat("calibration: a group has mean second derivative ", value, "; it must be finite."));
  }
  const auto positive = [](double v) { return v > 0.0 && std::isfinite(v); };
  if (!positive(options.gamma0) || !positive(options.target_lambda) ||
      !std::all_of(options.lambdas.begin(), options.lambdas.end(), positive))
    throw UsageError("calibration: gamma0 and every lambda must be positive and finite.");
}

/// Linear interpolation between order statistics, as numpy's default.
double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(at);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

CalibrationRow make_row(const std::vector<double>& sorted, double lambda, const CalibrationOptions& options) {
  const auto ratio = [&](double q) { return options.gamma0 * quantile(sorted, q) / lambda; };
  CalibrationRow row{.lambda = lambda,
                     .minimum = ratio(0.0),
                     .lower_quartile = ratio(0.25),
                     .median = ratio(0.5),
                     .upper_quartile = ratio(0.75),
                     .maximum = ratio(1.0)};
  if (row.median > options.saturated_above)
    row.balance = Balance::kSaturated;
  else if (row.median < options.dominated_below)
    row.balance = Balance::kCurvatureDominated;
  return row;
}

}  // namespace

const char* balance_name(Balance balance) {
  switch (balance) {
    case Balance::kSaturated:
      return "saturated: magnitude alone decides";
    case Balance::kCurvatureDominated:
      return "curvature-dominated: flat switches stay";
    case Balance::kBalanced:
      break;
  }
  return "balanced";
}

Calibration calibrate(std::span<const double> mean_hessian, const CalibrationOptions& options) {
  check_input(mean_hessian, options);
  Calibration result{.groups = static_cast<int>(mean_hessian.size())};
  std::vector<double> sorted;
  for (double value : mean_hessian) {
    result.not_positive += value > 0.0 ? 0 : 1;
    sorted.push_back(std::max(value, 0.0));
  }
  std::sort(sorted.begin(), sorted.end());
  for (double lambda : options.lambdas)
    result.rows.push_back(make_row(sorted, lambda, options));
  const double median = options.gamma0 * quantile(sorted, 0.5) / options.target_lambda;
  if (median > 0.0)
    result.hessian_scale = 1.0 / median;
  return result;
}

std::string calibration_text(const Calibration& calibration, const CalibrationOptions& options) {
  std::ostringstream out;
  out << "gamma0 * H / lambda over " << calibration.groups << " groups (" << calibration.not_positive
      << " without positive curvature)\n"
      << "  lambda       min       25%    median       75%       max  verdict\n";
  out << std::setprecision(3);
  for (const CalibrationRow& row : calibration.rows) {
    out << std::setw(8) << row.lambda;
    for (double value : {row.minimum, row.lower_quartile, row.median, row.upper_quartile, row.maximum})
      out << std::setw(10) << value;
    out << "  " << balance_name(row.balance) << "\n";
  }
  out << "hessian_scale = " << calibration.hessian_scale
      << " brings the median to 1 at lambda = " << options.target_lambda << "\n";
  return out.str();
}

}  // namespace ockham::nas
