#pragma once
// PGNAS: a network's gates and weights are trained together as a posterior over architectures and their weights, from
// which candidates are drawn as pairs, never trained again. Zhou, Sun, Luo, Zha, Zeng, AAAI 2020 (arXiv:1906.09557).
#include <map>
#include <optional>

#include "autograd/optim/sgd.h"
#include "nas/bayes/dropout/variational_dropout.h"
#include "nas/spaces/gated_network.h"
#include "nas/train/micro_batches.h"
#include "nas/train/repeated_step.h"

namespace ockham::nas {

struct PgnasOptions {
  SgdOptions sgd{.momentum = 0.9, .nesterov = true};  ///< of weights and gates' logits alike
  DropoutPrior prior = {};
  /// False: the baseline of a fixed drop rate. Logits stay, there is no divergence, and sgd.weight_decay acts.
  bool learns = true;
  double logit_rate = 1.0;       ///< learning rate of logits over that of weights; published: 1
  double clip = 0.0;             ///< joint l2 norm of the gradients; 0: no limit
  std::int64_t micro_batch = 0;  ///< images at a time (nas/train/micro_batches.h); 0: the whole batch
  std::uint64_t seed = 0;
};

class Pgnas {
 public:
  /// @throws UsageError for weight decay beside the divergence, which is one
  Pgnas(GatedNetwork network, const PgnasOptions& options);

  /// Puts the gradient of mean cross-entropy + divergence into the grads of all weights and logits; gates are drawn
  /// for each example from (seed, step). @return the score, its loss the cross-entropy alone
  /// @throws DivergedError if the loss is not finite, naming `step`
  Score differentiate(const Batch& batch, std::uint64_t step);
  /// differentiate(), then one step of SGD. @throws DivergedError as differentiate() and for the gradient norm; the
  /// weights are then as before (running statistics have seen the batch)
  Score step(const Batch& batch, double lr, std::uint64_t step);
  /// Of the posterior from its prior, as it counts beside the mean loss; 0 where nothing is learned.
  double divergence() const;
  const GatedNetwork& network() const { return network_; }
  void set_micro_batch(std::int64_t images) { options_.micro_batch = images; }

  /// Named state tensors, to save; the network is saved by its owner.
  std::map<std::string, Tensor> state() const { return optimizer_.state(); }
  /// @throws CheckpointError
  void load(const std::map<std::string, Tensor>& state) { optimizer_.load(state); }

 private:
  PartLoss loss_of(Tape& tape, const Batch& part, std::uint64_t number);
  /// Clips the gradients, gives logits their rate, and returns the norm of clipped_norm().
  Tensor prepare_gradients();

  GatedNetwork network_;
  PgnasOptions options_;
  std::vector<Parameter*> all_;      // weights and logits
  std::vector<Parameter*> trained_;  // of these, what steps
  Sgd optimizer_;
  RepeatedStep repeated_;
  DeviceScalars numbers_;  // number of the step, and one that gates do not read
  Tensor moving_;          // of Context, in the step that runs
};

/// How candidates are drawn. A candidate is a function of this, its number and the logits: draw it again rather than
/// store it.
struct Drawing {
  std::uint64_t seed = 0;
  std::optional<double> drop_rate = {};  ///< of all gates, the baseline; empty: each group's own p
};

/// Draws candidate `number`: a gate is dropped if a uniform number of it + p is at least 1. Gates count through the
/// groups in order.
void put_candidate(std::span<const GatedGroup> groups, const Drawing& drawing, std::uint64_t number);
void keep_all(std::span<const GatedGroup> groups);

/// Weights of the network without the kernel slices that its gates drop now.
std::int64_t kept_parameters(const GatedNetwork& network);
/// Mean of kept_parameters() over candidates: sum |m| (1 - p), and all weights without a gate.
double expected_parameters(const GatedNetwork& network);
/// The same of candidates drawn so.
double expected_parameters(const GatedNetwork& network, const Drawing& drawing);
/// The drop rate of all gates with which candidates have the expected size that each group's own p gives: the mean of
/// the p, weighed by kernels. 0 where no gate has kernels.
double equal_size_drop(const GatedNetwork& network);

enum class Criterion { kAccuracy, kLoss };

struct RankOptions {
  Criterion criterion = Criterion::kAccuracy;  ///< ties of accuracy go to the smaller loss
  /// kRunning: the search network's statistics, as published. kFrozenBatch: those of the candidate on each batch. Not
  /// kBatch, which would move the running ones.
  BatchNormMode batch_norm = BatchNormMode::kRunning;
  std::function<void()> pause = [] {};  ///< called before each candidate; may throw to end it
};

struct Ranked {
  std::uint64_t number = 0;
  Score score;
};

/// Of the candidate in place, over all batches.
Score evaluate_candidate(const GatedNetwork& network, std::span<const Batch> batches,
                         BatchNormMode batch_norm = BatchNormMode::kRunning);
/// Scores candidates 0 to count - 1, best first, equals by number; a loss that is not finite ranks last. `put` puts a
/// candidate in place. Gates end all kept. Cost: `count` passes over the batches.
std::vector<Ranked> rank_candidates(const GatedNetwork& network, std::span<const Batch> batches, std::uint64_t count,
                                    const std::function<void(std::uint64_t number)>& put,
                                    const RankOptions& options = {});
/// The same for put_candidate().
std::vector<Ranked> rank_candidates(const GatedNetwork& network, std::span<const Batch> batches, std::uint64_t count,
                                    const Drawing& drawing, const RankOptions& options = {});

}  // namespace ockham::nas
