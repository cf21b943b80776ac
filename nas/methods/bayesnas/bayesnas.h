#pragma once
// BayesNAS on a supernet with switches, step by step: the driver brings batches and decides when a phase ends.
//   A  weights only, plain loss
//   B  weights and switches on the loss plus lambda * sum of omega * ||w_group||
//   C  second derivatives of the loss for every switch on one batch
//   D  variances of all groups, E pruning; B to E may repeat with pruned switches frozen at zero
// Zhou, Yang, Wang, Pan 2019, arXiv:1905.04919; bayesnas.md section 2.7.
#include <map>

#include "autograd/hessian.h"
#include "autograd/optim/sgd.h"
#include "nas/bayes/posterior.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/train/score.h"

namespace ockham::nas {

struct BayesNasOptions {
  SgdOptions weight_sgd{.momentum = 0.9, .weight_decay = 1e-4};
  SgdOptions switch_sgd{.momentum = 0.9};
  double clip = 5.0;      ///< joint norm of the weights' gradients; 0: no limit (the official code has none)
  bool proximal = false;  ///< shrink groups after each step, in place of adding the penalty's gradient
  PosteriorOptions posterior = {};
  HessianOptions hessian = {};
  BatchNormMode hessian_batch_norm = BatchNormMode::kRunning;
  std::int64_t micro_batch = 0;  ///< images at a time in a step (nas/train/micro_batches.h); 0: the whole batch
  std::uint64_t seed = 0;
};

/// What phase C found, for summary and report.
struct HessianReport {
  HessianResult result;
  std::int64_t entries = 0;
  std::int64_t negative = 0;
  double seconds = 0.0;
  double forward_seconds = 0.0;  ///< one forward pass over the same batch
};

class BayesNas {
 public:
  /// @throws UsageError if the supernet mixes by softmax, or lacks cells of one kind
  BayesNas(Supernet& network, const BayesNasOptions& options);

  /// One step of phase A. The switches keep their bits.
  /// @throws DivergedError if the loss or a gradient norm is not finite, naming `step`; weights and switches are then
  /// as
  ///   before (running statistics have seen the batch)
  Score weight_step(const Batch& batch, double lr, std::uint64_t step);
  /// One step of phase B. @throws DivergedError as weight_step
  Score joint_step(const Batch& batch, double lr, double switch_lr, std::uint64_t step);
  /// A forward pass that only moves the running statistics: before phase C, after fast training.
  void refresh_statistics(const Batch& batch);
  /// Phase C: exact by default; see HessianOptions. Fills the posterior's Hessians.
  HessianReport measure_curvature(const Batch& batch);
  /// Phases D and E. @return how many groups were pruned
  /// @throws UsageError "lambda is too large" if nothing would be left of a cell
  int update_and_prune(int round);

  Score evaluate(const Batch& batch);
  /// lambda * sum omega ||w|| at present.
  double penalty();
  Genotype derive() const;

  const CellPosterior& normal() const { return normal_; }
  const CellPosterior& reduce() const { return reduce_; }
  /// Mean Hessian per group that is not pruned, for calibrate().
  std::vector<double> group_hessians() const;
  void set_hessian(const HessianOptions& options) { options_.hessian = options; }
  void set_micro_batch(std::int64_t images) { options_.micro_batch = images; }
  void set_hessian_scale(double scale) { options_.posterior.laplace.hessian_scale = scale; }

  /// Everything but the network's own tensors: optimisers and posterior, as named tensors.
  std::map<std::string, Tensor> state() const;
  /// @throws CheckpointError
  void load(const std::map<std::string, Tensor>& state);

 private:
  Variable loss_of(const Context& context, const Batch& batch, Tensor* logits);
  Score find_gradients(const Batch& batch, std::uint64_t step);
  void each_group(
      const std::function<void(SwitchGroup&, double lambda, const std::vector<Parameter*>&, std::size_t)>& visit);
  void add_penalty_gradient();
  void shrink_switches(double switch_lr);
  void freeze_pruned();

  Supernet& network_;
  BayesNasOptions options_;
  CellPosterior normal_;
  CellPosterior reduce_;
  std::vector<Parameter*> weights_;
  std::vector<Parameter*> switches_;
  Sgd weight_optimizer_;
  Sgd switch_optimizer_;
};

}  // namespace ockham::nas
