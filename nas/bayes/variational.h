#pragma once
// A diagonal Gaussian q = N(mu, sigma^2) over parameters, learned by natural-gradient steps: the optimiser of BaLeNAS.
// With N examples, f the mean loss of one, and the prior N(0, 1/delta), it minimises N E_q[f] + KL(q || prior); the
// precision is 1/sigma^2 = N s + delta. Zhang et al. 2022 (BaLeNAS, arXiv:2111.13204); Khan et al. 2018 (Vadam, VON,
// VOGN, arXiv:1806.04854).
#include <map>
#include <string>
#include <vector>

#include "autograd/parameter.h"
#include "engine/random.h"

namespace ockham::nas {

/// What s averages and how the mean steps. kVadam: the squared gradient; mean / (sqrt(s) + delta/N) with Adam's bias
/// corrections. kNewton: curvature that the caller gives, and mean / (s + delta/N): VON with the diagonal Hessian, VOGN
/// with the mean over examples of squared gradients.
enum class VariationalRule { kVadam, kNewton };

struct VariationalOptions {
  VariationalRule rule = VariationalRule::kVadam;
  double examples = 25000.0;       ///< N
  double prior_precision = 1.0;    ///< delta
  double initial_precision = 1.0;  ///< of q; at least delta
  double beta1 = 0.5;              ///< of the mean's momentum
  double beta2 = 0.999;            ///< of s
};

class VariationalPosterior {
 public:
  /// mu starts at the parameters' values. They are float32 or float64; mu and s are float64.
  /// @throws UsageError where a precision is not positive, N < 1, or the initial precision is below the prior's
  VariationalPosterior(std::vector<Parameter*> parameters, const VariationalOptions& options);

  /// Draws: parameters = mu + sigma eps, eps standard normal of `key`.
  void perturb(const RandomKey& key);
  /// parameters = mu, to the bit.
  void restore();
  /// Takes the parameters' grads at a draw. curvature: their diagonal second derivatives there, of kNewton alone, one
  /// tensor a parameter. Several draws between two steps are averaged.
  void accumulate(const std::vector<Tensor>& curvature = {});
  /// One step from what was accumulated:
  ///   m = b1 m + (1 - b1) (G + delta/N mu);  s = max(0, b2 s + (1 - b2) H);  mu -= lr m / (1 - b1^t) / scale,
  /// H the mean squared gradient and scale = sqrt(s / (1 - b2^t)) + delta/N for kVadam, H the mean curvature and scale
  /// = s + delta/N for kNewton. s is kept from falling below 0, where q would be wider than its prior: an indefinite
  /// Hessian counts as flat. Restores.
  /// @throws Error if nothing was accumulated
  void step(double lr);

  /// All parameters' entries, one after another.
  const std::vector<double>& mean() const { return mu_; }
  std::vector<double> sigma() const;
  /// KL(q || prior), in nats.
  double divergence() const;
  /// mu + sigma eps, without a change.
  std::vector<double> draw(const RandomKey& key) const;

  /// Named state tensors, to save; the parameters are saved by their owner.
  std::map<std::string, Tensor> state() const;
  /// @throws CheckpointError if a tensor is missing or has another shape or dtype
  void load(const std::map<std::string, Tensor>& state);

 private:
  void put(const std::vector<double>& values);

  std::vector<Parameter*> parameters_;
  VariationalOptions options_;
  std::vector<double> mu_, m_, s_;
  std::vector<double> gradient_, curvature_;  // summed over draws
  std::int64_t draws_ = 0;
  std::int64_t steps_ = 0;
};

}  // namespace ockham::nas
