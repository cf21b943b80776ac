#pragma once
// One variance update of a group of switches (or weights) that share a prior N(0, gamma I): Laplace approximation of
// the posterior, concave bound of the evidence, re-weighted group lasso. In float64; a search has some hundred scalars.
//   h     = max(H, 0) * hessian_scale / lambda                curvature of the tempered likelihood
//   C     = 1 / (1/gamma + h)                                 posterior variance, per member
//   alpha = 1/gamma - C/gamma^2 = h / (1 + gamma h)           slope of log(1 + gamma h), per member
//   omega = sqrt(sum alpha)                                   weight of the group's l2 norm in the next training phase
//   gamma = ||w|| / omega
// Zhou, Yang, Wang, Pan 2019, arXiv:1905.04919, with the order of steps of the authors' code (f55a71c) or of their
// supplement (RNN.pdf). lambda both multiplies the penalty and divides the curvature; never scale one alone.
#include <span>
#include <vector>

namespace ockham::nas {

/// Both orders have the same fixed point; they differ in the path to it.
enum class UpdateOrder {
  kSupplement,  ///< gamma from the previous omega, then C, alpha and omega at the new gamma
  kCode         ///< C, alpha and omega at the old gamma, then gamma from the new omega
};
enum class GroupSum {
  kSum,  ///< omega = sqrt(sum alpha): what the derivation gives
  kMean  ///< omega = sqrt(mean alpha): a penalty that does not grow with the group, for large groups of weights
};
/// An exact Hessian can be negative; a variance cannot.
enum class NegativeCurvature { kClamp, kAbsolute };

struct LaplaceOptions {
  UpdateOrder order = UpdateOrder::kSupplement;
  GroupSum sum = GroupSum::kSum;
  NegativeCurvature negative = NegativeCurvature::kClamp;
  double hessian_scale = 1.0;  ///< see calibration.h; the authors' code sums over its batch, so has the batch size here
  double lowest = 1e-10;       ///< gamma and omega are clamped to [lowest, highest] after each step
  double highest = 1e10;
};

/// What an update changes. Before the first one gamma = omega = 1.
struct GroupState {
  double gamma = 1.0;
  double omega = 1.0;
  std::vector<double> covariance = {};  ///< C, per member; empty before the first update
  std::vector<double> alpha = {};       ///< per member
};

/// ||w||_2.
double group_norm(std::span<const double> w);

/// h of one member, >= 0: the curvature after scaling, sign policy and temperature.
double scaled_curvature(double hessian, double lambda, const LaplaceOptions& options);

/// One update of one group.
/// @param w        the members' values
/// @param hessian  d2E/dw2 per member, E the mean negative log-likelihood
/// @param lambda   > 0
/// @param other_precision  sum of 1/gamma over other priors that act on the same members (weights under several
///   patterns); it adds to 1/gamma in C only
/// @throws UsageError if lambda or hessian_scale is not positive, or sizes disagree
/// @throws DivergedError if a value is not finite
void update_group(GroupState& state, std::span<const double> w, std::span<const double> hessian, double lambda,
                  const LaplaceOptions& options = {}, double other_precision = 0.0);

}  // namespace ockham::nas
