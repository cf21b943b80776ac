#pragma once
// Does the curvature matter at a given lambda? The variance update depends on gamma0 * H / lambda: far above 1 the
// slope alpha is 1/gamma0 whatever H is, and pruning is by magnitude; far below 1 flat switches are kept whatever their
// size. lambda is therefore not transferable between definitions of H; run this once after the first training phase.
#include <span>
#include <string>
#include <vector>

namespace ockham::nas {

enum class Balance {
  kSaturated,          ///< median > 10: the Hessian is irrelevant
  kBalanced,           ///< between
  kCurvatureDominated  ///< median < 0.1
};
const char* balance_name(Balance balance);

struct CalibrationOptions {
  std::vector<double> lambdas = {0.01, 0.007, 0.005};  ///< those of the paper
  double target_lambda = 0.007;                        ///< where `hessian_scale` brings the median to 1
  double gamma0 = 1.0;
  double saturated_above = 10.0;
  double dominated_below = 0.1;
};

/// The distribution over groups at one lambda.
struct CalibrationRow {
  double lambda = 0.0;
  double minimum = 0.0, lower_quartile = 0.0, median = 0.0, upper_quartile = 0.0, maximum = 0.0;
  Balance balance = Balance::kBalanced;
};

struct Calibration {
  std::vector<CalibrationRow> rows = {};  ///< in the order of the lambdas
  int groups = 0;
  int not_positive = 0;  ///< groups whose mean H is zero or negative; they count as 0 above
  /// The c with which H -> c H has median gamma0 c H / target_lambda = 1; 1 where the median is 0 and no c can.
  double hessian_scale = 1.0;
};

/// @param mean_hessian  per group the mean of H over its members, before any scaling
/// @throws UsageError if there is no group or lambda, or a lambda or gamma0 is not positive
/// @throws DivergedError if a value is not finite
Calibration calibrate(std::span<const double> mean_hessian, const CalibrationOptions& options = {});

/// A table for people, ending in the suggested scale.
std::string calibration_text(const Calibration& calibration, const CalibrationOptions& options = {});

}  // namespace ockham::nas
