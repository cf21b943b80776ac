#pragma once
// BayesNAS on spaces of cells that offer switches (SearchSpace::make_switches): exact second derivatives of the loss
// along them, one update of the hierarchical prior, and the entropy rule. Zhou et al. 2019, arXiv:1905.04919; its use
// on these spaces is ours. A group is one number of the space's choices in all cells; its gate is the paper's
// dependency: the variances of what stands before it in a cell (nas/bayes/posterior.h, Gate::kDag).
#include "autograd/hessian.h"
#include "nas/bayes/posterior.h"
#include "nas/methods/weight_training.h"
#include "nas/spaces/space.h"

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
  /// `space` must outlive it. @throws UsageError if it has no network of switches
  BayesNasCells(const SearchSpace& space, const BayesNasCellsOptions& options, HeldOut held_out);

  /// Weights and, after the warm-up, switches learn from `train`, the switches by proximal steps on
  /// lambda * sum of ||w_group||.
  Score step(const Batch& train, const Batch& valid, const StepPlace& place) override;
  /// Second derivatives on held-out images with their statistics taken as constants, variances, pruning.
  void finish(const Pause& pause) override;
  std::int64_t finish_images() const override { return options_.hessian_images; }
  void rehearse_finish(const Batch& images) override;
  /// The space's cell of the groups' own variances, kept ones before none before pruned ones; before finish() of the
  /// norms of switches. In a space without none a choice whose switches are all pruned is made by the largest.
  std::string derive() const override;
  Score evaluate(const Batch& batch) override;
  /// norm_mean, norm_min: of the groups' root mean squares; zeros: groups that are exactly zero.
  std::vector<Figure> figures() const override;
  /// norm, and after finish() hessian (mean over cells), gamma, variance (gamma behind its gate), kept (0 or 1); 0 for
  /// what is no switch.
  std::map<std::string, std::vector<double>> posterior() const override;
  void set_micro_batch(std::int64_t images) override { net_.owned.network.micro_batch = images; }
  std::map<std::string, Tensor> state() const override;
  void load(const std::map<std::string, Tensor>& state) override;

 private:
  /// Where a number's switch of a cell is.
  struct Place {
    std::size_t parameter;  ///< in the network's architecture
    std::size_t entry;
  };
  void find_switches();
  bool is_switch(std::size_t number) const { return net_.places[number].is_switch; }
  std::vector<double> switches_of(std::size_t number) const;
  double rms_of(std::size_t number) const;
  void shrink(double threshold);
  std::vector<Tensor> hessian_of(const Batch& batch, const HessianOptions& options) const;
  void update_groups(const std::vector<Tensor>& hessian);
  double gate_of(std::size_t number) const;
  /// What derive() compares.
  double strength_of(std::size_t number) const;

  const SearchSpace& space_;
  BayesNasCellsOptions options_;
  HeldOut held_out_;
  SwitchNetwork net_;
  std::vector<std::vector<Place>> switches_;  // by number and cell
  WeightTraining weights_;
  Sgd switch_optimizer_;
  std::vector<SwitchGroup> groups_;  // by number, after finish()
};

}  // namespace ockham::nas
