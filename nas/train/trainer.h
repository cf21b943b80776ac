#pragma once
// Training of a network from scratch, one step at a time: forward, loss, backward, clip, SGD.
#include "autograd/optim/sgd.h"
#include "nas/network/classifier.h"
#include "nas/train/micro_batches.h"
#include "nas/train/repeated_step.h"
#include "nas/train/test_views.h"

namespace ockham::nas {

/// What else a step does to the weights. Such steps are never recorded (repeated_step.h): hooks may wait for a device.
struct StepHooks {
  std::function<void()> before_update = {};  ///< the gradients are there, their norm is not taken: penalties, masks
  std::function<void(double lr)> after_update = {};  ///< of an update that was made: proximal steps

  bool are_set() const { return before_update != nullptr || after_update != nullptr; }
};

struct TrainerOptions {
  SgdOptions sgd{.momentum = 0.9, .weight_decay = 3e-4};
  double clip = 5.0;  ///< joint l2 norm of the gradients; 0: no limit
  double auxiliary_weight = 0.4;
  double label_smoothing = 0.0;
  std::int64_t micro_batch = 0;  ///< images at a time (compute_gradients); 0: the whole batch
  std::uint64_t seed = 0;
  StepHooks hooks = {};
};

/// The loss of one batch and its score, without a tape.
Score evaluate(const std::function<Variable(const Context&, const Variable&)>& forward, const Batch& batch,
               BatchNormMode mode = BatchNormMode::kRunning, TestViews views = TestViews::kOne,
               const SeeLogits& see = {});

class Trainer {
 public:
  Trainer(Classifier& network, const TrainerOptions& options);

  /// One update; gives the score of the batch before it. `step` counts all steps of the run: it addresses the random
  /// numbers.
  /// @throws DivergedError if the loss or the gradient norm is not finite, naming `step`; the weights are then as
  ///   before (running statistics have seen the batch)
  Score step(const Batch& batch, double lr, std::uint64_t step);
  Score evaluate(const Batch& batch, TestViews views = TestViews::kOne, const SeeLogits& see = {});

  Sgd& optimizer() { return optimizer_; }
  void set_micro_batch(std::int64_t images) { options_.micro_batch = images; }

 private:
  PartLoss loss_of(Tape& tape, const Batch& part, std::uint64_t number);

  Classifier& network_;
  TrainerOptions options_;
  std::vector<Parameter*> weights_;
  Sgd optimizer_;
  RepeatedStep repeated_;
  DeviceScalars drop_numbers_;  // number of the step, drop probability
  bool drops_ = false;          // in the repeated step
  Tensor moving_;               // of Context, in the step that runs
};

}  // namespace ockham::nas
