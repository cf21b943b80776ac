#pragma once
// BayesNAS on the cells of NAS-Bench-201: switches on operations, exact second derivatives of the loss along them, one
// update of the hierarchical prior, and the entropy rule. Zhou et al. 2019, arXiv:1905.04919; its use on this space is
// ours. A group is one operation of one edge in all cells; its gate is the paper's dependency: the variances of all
// operations on the edges into the node that the edge starts at (nas/bayes/posterior.h, Gate::kDag).
#include "autograd/hessian.h"
#include "nas/bayes/posterior.h"
#include "nas/methods/weight_training.h"
#include "nas/nasbench201/search_space.h"
#include "nas/nasbench201/switch_supernet.h"

namespace ockham::nas {

struct BayesNasCellsOptions {
  WeightOptions weights = {};
  double lambda = 0.01;
  double switch_lr = 0.025;
  double switch_momentum = 0.9;
  double warmup = 0.2;  ///< part of the steps that train weights alone
  LaplaceOptions laplace = {};
  std::int64_t hessian_images = 64;
  HessianOptions hessian = {};
  std::uint64_t seed = 0;
  DType dtype = DType::kFloat32;
};

class BayesNasCells : public SearchMethod {
 public:
  /// `space` must outlive it.
  BayesNasCells(const nasbench201::Space& space, const BayesNasCellsOptions& options, HeldOut held_out);

  /// Weights and, after the warm-up, switches learn from `train`, the switches by proximal steps on
  /// lambda * sum of ||w_group||.
  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  /// Second derivatives on held-out images with their statistics taken as constants, variances, pruning.
  void finish(const Pause& pause) override;
  std::int64_t finish_images() const override { return options_.hessian_images; }
  void rehearse_finish(const Batch& images) override;
  /// Each edge's kept operation of the largest variance, none where none is kept; before finish() that of the largest
  /// norm of switches.
  std::string derive() const override;
  Score evaluate(const Batch& batch) override;
  /// norm_mean, norm_min: of the groups' root mean squares; zeros: groups that are exactly zero.
  std::vector<Figure> figures() const override;
  /// norm, and after finish() hessian (mean over cells), variance (effective), kept (0 or 1); 0 for none.
  std::map<std::string, std::vector<double>> posterior() const override;
  void set_micro_batch(std::int64_t images) override { owned_.network.micro_batch = images; }
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 private:
  std::vector<double> switches_of(std::int64_t branch) const;
  double rms_of(std::int64_t branch) const;
  void shrink(double threshold);
  std::vector<Tensor> hessian_of(const Batch& batch, const HessianOptions& options) const;
  void update_groups(const std::vector<Tensor>& hessian);

  const nasbench201::Space& space_;
  BayesNasCellsOptions options_;
  HeldOut held_out_;
  OwnedNetwork owned_;
  WeightTraining weights_;
  Sgd switch_optimizer_;
  std::vector<SwitchGroup> groups_;  // kAlphas, after finish()
};

}  // namespace ockham::nas
