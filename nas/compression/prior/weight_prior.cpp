#include "nas/compression/prior/weight_prior.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "nas/compression/groups/group_loops.h"
#include "nas/train/parameter_vectors.h"

namespace ockham::nas {
namespace {

void require_usable(const WeightPriorOptions& options, std::span<const FamilyPrior> families) {
  if (!(options.lambda > 0.0) || !(options.laplace.hessian_scale > 0.0))
    throw UsageError(concat("weight prior: lambda = ", options.lambda,
                            ", hessian_scale = ", options.laplace.hessian_scale, "; both must be positive."));
  if (families.empty())
    throw UsageError("weight prior: no family of groups is given; name at least one pattern.");
  for (const FamilyPrior& prior : families) {
    if (!(prior.share > 0.0))
      throw UsageError(concat("weight prior: family ", prior.family.name(), " has ", prior.share,
                              " as its share of lambda; it must be positive."));
  }
}

std::string state_name(std::string_view what, std::size_t index, const FamilyPrior& prior) {
  return concat(what, '.', index, '.', prior.family.name());
}

}  // namespace

std::vector<std::int64_t> kept_members(const GroupFamily& family, const Masks& masks) {
  std::vector<std::int64_t> members(family.size());
  for_each_member(family, [&](std::size_t p, std::size_t i, std::size_t g) { members[g] += masks.is_kept(p, i); });
  return members;
}

WeightPrior::WeightPrior(std::vector<Parameter*> parameters, std::vector<FamilyPrior> families,
                         const WeightPriorOptions& options)
    : parameters_(std::move(parameters)), families_(std::move(families)), options_(options) {
  require_usable(options_, families_);
  const std::vector<std::int64_t> sizes = sizes_of(parameters_);
  for (const FamilyPrior& prior : families_)
    prior.family.require_disjoint(sizes);
}

double WeightPrior::strength(const FamilyPrior& prior, std::size_t group) const {
  return options_.lambda * prior.share * prior.omega[group];
}

void WeightPrior::update(std::span<const Tensor> hessian, const Masks& masks) {
  require_curvature(hessian);
  const OnHost values(parameters_, &Parameter::value);
  if (options_.laplace.order == UpdateOrder::kSupplement)
    update_gamma();
  update_omega(hessian, masks);
  if (options_.laplace.order == UpdateOrder::kCode)
    update_gamma();
}

void WeightPrior::require_curvature(std::span<const Tensor> hessian) const {
  if (hessian.size() != parameters_.size())
    throw UsageError(concat("weight prior: second derivatives of ", hessian.size(), " parameters for ",
                            parameters_.size(), "; it needs one tensor each."));
  for (std::size_t p = 0; p < hessian.size(); ++p) {
    const Tensor& H = hessian[p];
    if (H && H.spec() != Spec{parameters_[p]->value.shape(), DType::kFloat64})
      throw UsageError(concat("weight prior: second derivatives of ", parameters_[p]->name, " are ", H.spec(),
                              "; they must be float64 of its shape ", parameters_[p]->value.shape(), "."));
    if (H && !is_finite(H))
      throw DivergedError(concat("weight prior: a second derivative by ", parameters_[p]->name, " is not finite."));
  }
  for (const FamilyPrior& prior : families_) {
    for (const GroupSeries& series : prior.family.series()) {
      for (const WeightRun& run : series.runs) {
        if (!hessian[run.parameter])
          throw UsageError(concat("weight prior: second derivatives by ", parameters_[run.parameter]->name,
                                  ", which has groups of ", prior.family.name(), ", were not measured."));
      }
    }
  }
}

void WeightPrior::update_gamma() {
  for (FamilyPrior& prior : families_) {
    const std::vector<double> norms = group_norms(prior.family, parameters_);
    for (std::size_t g = 0; g < norms.size(); ++g) {
      if (!std::isfinite(norms[g]))
        throw DivergedError(concat("weight prior: the norm of ", prior.family.group_name(g), " is ", norms[g],
                                   "; start again with a lower --lr."));
      prior.gamma[g] = std::clamp(norms[g] / prior.omega[g], options_.laplace.lowest, options_.laplace.highest);
    }
  }
}

/// Of every weight, with its curvature, by all families but one. Taken from the sum of all, that one's would leave
/// little of the others where its gamma is small.
std::vector<Tensor> WeightPrior::precisions(std::span<const Tensor> hessian, const FamilyPrior* without) const {
  std::vector<Tensor> sums;
  for (std::size_t p = 0; p < parameters_.size(); ++p) {
    sums.push_back(Tensor::zeros(parameters_[p]->value.shape(), DType::kFloat64));
    double* sum = sums[p].data<double>();
    for (std::int64_t i = 0; hessian[p] && i < sums[p].numel(); ++i)
      sum[i] = scaled_curvature(hessian[p].data<double>()[i], options_.lambda, options_.laplace);
  }
  for (const FamilyPrior& prior : families_) {
    if (&prior != without)
      for_each_member(prior.family, [&](std::size_t p, std::size_t i, std::size_t g) {
        sums[p].data<double>()[i] += 1.0 / prior.gamma[g];
      });
  }
  return sums;
}

void WeightPrior::update_omega(std::span<const Tensor> hessian, const Masks& masks) {
  const LaplaceOptions& laplace = options_.laplace;
  for (FamilyPrior& prior : families_) {
    const std::vector<Tensor> others = precisions(hessian, &prior);
    std::vector<double> sums(prior.family.size());
    for_each_member(prior.family, [&](std::size_t p, std::size_t i, std::size_t g) {
      const double q = others[p].data<double>()[i];  // 1/C - 1/gamma; alpha = q / (1 + gamma q) cancels nothing
      if (masks.is_kept(p, i))
        sums[g] += q / (1.0 + prior.gamma[g] * q);
    });
    const std::vector<std::int64_t> members = kept_members(prior.family, masks);
    for (std::size_t g = 0; g < sums.size(); ++g) {
      if (laplace.sum == GroupSum::kMean)
        sums[g] /= static_cast<double>(std::max<std::int64_t>(members[g], 1));
      prior.omega[g] = std::clamp(std::sqrt(sums[g]), laplace.lowest, laplace.highest);
    }
  }
}

std::vector<Tensor> WeightPrior::covariance(std::span<const Tensor> hessian) const {
  require_curvature(hessian);
  std::vector<Tensor> result = precisions(hessian, nullptr);
  for (Tensor& tensor : result) {
    for (double& entry : tensor.span<double>())
      entry = 1.0 / entry;
  }
  return result;
}

double WeightPrior::penalty() const {
  const OnHost values(parameters_, &Parameter::value);
  double sum = 0.0;
  for (const FamilyPrior& prior : families_) {
    const std::vector<double> norms = group_norms(prior.family, parameters_);
    for (std::size_t g = 0; g < norms.size(); ++g)
      sum += strength(prior, g) * norms[g];
  }
  return sum;
}

void WeightPrior::add_penalty_gradient() const {
  const OnHost values(parameters_, &Parameter::value), grads(parameters_, &Parameter::grad);
  for (const FamilyPrior& prior : families_) {
    std::vector<double> factors = group_norms(prior.family, parameters_);
    for (std::size_t g = 0; g < factors.size(); ++g)
      factors[g] = factors[g] > 0.0 ? strength(prior, g) / factors[g] : 0.0;
    add_group_multiples(prior.family, factors, parameters_);
  }
}

void WeightPrior::require_proximal() const {
  if (families_.size() != 1)
    throw UsageError(concat("weight prior: a proximal step is exact for one family of groups, and there are ",
                            families_.size(), "; use one pattern, or gradient steps."));
}

void WeightPrior::shrink(double lr) const {
  require_proximal();
  const OnHost values(parameters_, &Parameter::value);
  const FamilyPrior& prior = families_[0];
  std::vector<double> factors = group_norms(prior.family, parameters_);
  for (std::size_t g = 0; g < factors.size(); ++g) {
    const double threshold = lr * strength(prior, g);
    factors[g] = factors[g] > threshold ? 1.0 - threshold / factors[g] : 0.0;
  }
  scale_groups(prior.family, factors, parameters_);
}

std::map<std::string, Tensor> WeightPrior::state() const {
  std::map<std::string, Tensor> result;
  for (std::size_t f = 0; f < families_.size(); ++f) {
    const FamilyPrior& prior = families_[f];
    result.emplace(state_name("gamma", f, prior), Tensor::from(prior.gamma, {std::ssize(prior.gamma)}));
    result.emplace(state_name("omega", f, prior), Tensor::from(prior.omega, {std::ssize(prior.omega)}));
  }
  return result;
}

void WeightPrior::load(const std::map<std::string, Tensor>& state) {
  const auto read = [&](const std::string& name, std::size_t groups) {
    const auto it = state.find(name);
    if (it == state.end())
      throw CheckpointError(concat("weight prior: the checkpoint lacks ", name, "; it is of other patterns."));
    const Spec expected{{static_cast<std::int64_t>(groups)}, DType::kFloat64};
    if (it->second.spec() != expected)
      throw CheckpointError(concat("weight prior: ", name, " is ", it->second.spec(), " in the checkpoint but ",
                                   expected, " here; it belongs to another network."));
    const Tensor here = it->second.to(Device{}).contiguous();
    const auto numbers = here.span<double>();
    if (!std::ranges::all_of(numbers, [](double x) { return x > 0.0 && std::isfinite(x); }))
      throw CheckpointError(concat("weight prior: ", name,
                                   " has numbers that are not positive; the checkpoint is "
                                   "damaged."));
    return std::vector<double>(numbers.begin(), numbers.end());
  };
  std::vector<FamilyPrior> loaded = families_;
  for (std::size_t f = 0; f < loaded.size(); ++f) {
    loaded[f].gamma = read(state_name("gamma", f, loaded[f]), loaded[f].gamma.size());
    loaded[f].omega = read(state_name("omega", f, loaded[f]), loaded[f].omega.size());
  }
  families_ = std::move(loaded);
}

}  // namespace ockham::nas
