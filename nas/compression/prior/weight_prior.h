#pragma once
// Priors on groups of weights, several families of groups at once: group g of family p has N(0, gamma_g^p I), and as
// Gaussian densities multiply, a weight of several groups has the sum of their precisions. With E the mean negative
// log-likelihood and H_i its second derivative by weight i,
//   gamma_g^p = ||W_g|| / omega_g^p
//   C_i       = 1 / (sum_p 1/gamma_g(i)^p + H_i / lambda)
//   alpha_i^p = 1/gamma_g(i)^p - C_i / (gamma_g(i)^p)^2
//   omega_g^p = sqrt(sum of alpha_i^p over the group), or of their mean
//   penalty   = sum_p lambda_p sum_g omega_g^p ||W_g||_2,   lambda_p = lambda * the family's share
// Curvature counts once, by the one lambda, however many families there are. Zhou, Yang, Wang, Pan 2019,
// arXiv:1905.04919, its supplement (RNN.pdf) for the order of steps; Zhou et al. 2022, arXiv:2107.12910. With one
// family it is nas/bayes/laplace.h group by group.
#include <map>

#include "nas/bayes/laplace.h"
#include "nas/compression/prior/masks.h"

namespace ockham::nas {

struct WeightPriorOptions {
  double lambda = 1e-4;
  LaplaceOptions laplace = {};
};

/// A family of groups and its prior.
struct FamilyPrior {
  GroupFamily family;
  double share = 1.0;  ///< of lambda in the penalty
  std::vector<double> gamma = std::vector<double>(family.size(), 1.0);
  std::vector<double> omega = std::vector<double>(family.size(), 1.0);
};

/// By group, how many of its entries are not pruned.
std::vector<std::int64_t> kept_members(const GroupFamily& family, const Masks& masks);

class WeightPrior {
 public:
  /// gamma = omega = 1. @param parameters  that the groups speak of; they outlive it
  /// @throws UsageError if lambda, a share or hessian_scale is not positive, or there is no family
  /// @throws ShapeError if a family has a weight in two groups
  WeightPrior(std::vector<Parameter*> parameters, std::vector<FamilyPrior> families, const WeightPriorOptions& options);

  /// gamma, C, alpha and omega of all groups. Weights that are pruned count for nothing; a group without others has
  /// the least gamma there is.
  /// @param hessian  float64 on the host, by parameter and of its shape; undefined where no family has a weight
  /// @throws UsageError for another number or shape @throws DivergedError if a weight or its curvature is not finite
  void update(std::span<const Tensor> hessian, const Masks& masks);

  /// C of every weight at the gammas of now: float64, by parameter and of its shape. Of weights in no group 1/C is the
  /// curvature alone, and infinite C its absence. @throws as update
  std::vector<Tensor> covariance(std::span<const Tensor> hessian) const;

  double penalty() const;
  /// Adds the penalty's gradient to the weights' grads; nothing at ||W_g|| = 0, which is a subgradient. Between a
  /// device and the host values and grads go to and fro.
  void add_penalty_gradient() const;
  /// The proximal step of the penalty: W_g *= max(0, 1 - lr * lambda_p * omega_g / ||W_g||). It reaches exact zeros.
  /// @throws UsageError as require_proximal
  void shrink(double lr) const;
  /// @throws UsageError with several families, for whose sum shrinking one after another is not the proximal step
  void require_proximal() const;

  const std::vector<FamilyPrior>& families() const { return families_; }
  const WeightPriorOptions& options() const { return options_; }
  const std::vector<Parameter*>& parameters() const { return parameters_; }

  /// "gamma.0.row", "omega.0.row": float64 by group.
  std::map<std::string, Tensor> state() const;
  /// @throws CheckpointError if one is missing or has another number of groups
  void load(const std::map<std::string, Tensor>& state);

 private:
  double strength(const FamilyPrior& family, std::size_t group) const;
  void require_curvature(std::span<const Tensor> hessian) const;
  void update_gamma();
  void update_omega(std::span<const Tensor> hessian, const Masks& masks);
  std::vector<Tensor> precisions(std::span<const Tensor> hessian, const FamilyPrior* without) const;

  std::vector<Parameter*> parameters_;
  std::vector<FamilyPrior> families_;
  WeightPriorOptions options_;
};

}  // namespace ockham::nas
