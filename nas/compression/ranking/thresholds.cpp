#include "nas/compression/ranking/thresholds.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/error.h"
#include "nas/compression/groups/group_loops.h"

namespace ockham::nas {
namespace {

void require_usable(const ThresholdOptions& o) {
  for (const auto& [name, value] : {std::pair{"normalised", o.normalised}, std::pair{"relative", o.relative},
                                    std::pair{"max-abs", o.max_abs}, std::pair{"alpha", o.alpha}}) {
    if (value && !(*value >= 0.0))
      throw UsageError(concat("threshold ", name, " = ", *value, "; it must not be negative."));
  }
  if (!o.normalised && !o.relative && !o.max_abs && !o.alpha && !o.uninformed)
    throw UsageError("thresholds: none is set, so that nothing would be pruned; set at least one.");
}

/// Of what is left of a group.
struct Summary {
  double members = 0.0;
  double largest = 0.0;       // |w|
  double layer_square = 0.0;  // sum over members of their layer's mean square
  bool is_informed = false;
};

std::vector<double> mean_squares(const std::vector<Tensor>& values, const Masks& masks) {
  std::vector<double> result;
  for (std::size_t p = 0; p < values.size(); ++p) {
    double sum = 0.0;
    for (double w : values[p].span<double>())
      sum += w * w;
    result.push_back(sum / static_cast<double>(std::max<std::int64_t>(masks.kept_entries(p), 1)));
  }
  return result;
}

std::vector<Summary> summaries(const GroupFamily& family, const Masks& masks, std::span<const Tensor> hessian) {
  const std::vector<Tensor> values = doubles_of(masks.parameters());
  const std::vector<double> squares = mean_squares(values, masks);
  std::vector<Summary> result(family.size());
  for_each_member(family, [&](std::size_t p, std::size_t i, std::size_t g) {
    if (!masks.is_kept(p, i))
      return;
    Summary& s = result[g];
    s.members += 1.0;
    s.largest = std::max(s.largest, std::abs(values[p].data<double>()[i]));
    s.layer_square += squares[p];
    s.is_informed = s.is_informed || !hessian[p] || hessian[p].data<double>()[i] != 0.0;
  });
  return result;
}

/// By layer, over groups that are left.
std::map<std::size_t, double> medians(const FamilyPrior& prior, std::span<const Summary> groups) {
  std::map<std::size_t, std::vector<double>> by_layer;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    if (groups[g].members > 0.0)
      by_layer[prior.family.layer_of(g)].push_back(prior.gamma[g]);
  }
  std::map<std::size_t, double> result;
  for (auto& [layer, gammas] : by_layer) {
    const auto middle = gammas.begin() + std::ssize(gammas) / 2;
    std::ranges::nth_element(gammas, middle);
    result[layer] = *middle;
  }
  return result;
}

}  // namespace

std::vector<bool> redundant_groups(const FamilyPrior& prior, const WeightPriorOptions& prior_options,
                                   const Masks& masks, std::span<const Tensor> hessian,
                                   const ThresholdOptions& options) {
  require_usable(options);
  const std::vector<Summary> groups = summaries(prior.family, masks, hessian);
  const std::map<std::size_t, double> median = medians(prior, groups);
  const auto is_redundant = [&](std::size_t g) {
    const Summary& s = groups[g];
    const double omega2 = prior.omega[g] * prior.omega[g];
    const double alpha = prior_options.laplace.sum == GroupSum::kMean ? omega2 : omega2 / s.members;
    return (options.normalised && prior.gamma[g] * s.members <= *options.normalised * s.layer_square) ||
           (options.relative && prior.gamma[g] <= *options.relative * median.at(prior.family.layer_of(g))) ||
           (options.max_abs && s.largest < *options.max_abs) || (options.alpha && alpha > *options.alpha) ||
           (options.uninformed && !s.is_informed);
  };
  std::vector<bool> result(groups.size());
  for (std::size_t g = 0; g < groups.size(); ++g)
    result[g] = groups[g].members > 0.0 && is_redundant(g);
  return result;
}

}  // namespace ockham::nas
