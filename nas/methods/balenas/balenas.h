#pragma once
// BaLeNAS: a Gaussian over the softmax logits instead of a point, learned by natural-gradient steps; the cell of its
// mean. Zhang et al. 2022, arXiv:2111.13204, with Vadam as in the first author's program (settings there: one draw, lr
// 3e-4, N = 25,000, delta = 1). VON and VOGN, with the exact diagonal Hessian and with per-example gradients in place
// of the squared batch gradient, are our variants.
//
// BaLeNAS-TF draws cells from the Gaussian and lets training-free proxies choose. The paper's number of draws and its
// proxies are not known to us: 100 draws and SynFlow are our defaults.
#include "nas/bayes/variational.h"
#include "nas/methods/balenas/architecture_curvature.h"
#include "nas/methods/relaxed.h"

namespace ockham::nas {

enum class ArchitectureCurvature { kVadam, kVon, kVogn };

struct BalenasOptions {
  RelaxedOptions relaxed = {};
  ArchitectureCurvature curvature = ArchitectureCurvature::kVadam;
  VariationalOptions variational = {};  ///< its rule is set to fit `curvature`
  std::int64_t draws = 1;               ///< K, gradients averaged in a step
  /// Images, the first of the validation batch, on which VON and VOGN take second derivatives: cost against noise.
  std::int64_t curvature_images = 16;
  bool samples_weight_steps = false;  ///< weight steps at a draw, in place of the mean as in the program
  HessianOptions hessian = {};
};

class Balenas : public RelaxedMethod {
 public:
  Balenas(const SearchSpace& space, const BalenasOptions& options);

  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  /// entropy of the mean; mean, least and largest sigma; KL to the prior.
  std::vector<Figure> figures() const override;
  PosteriorTable posterior() const override;
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 protected:
  const VariationalPosterior& gaussian() const { return gaussian_; }

 private:
  void architecture_step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  std::vector<Tensor> curvature_of(const Batch& valid) const;

  BalenasOptions options_;
  VariationalPosterior gaussian_;
};

}  // namespace ockham::nas
