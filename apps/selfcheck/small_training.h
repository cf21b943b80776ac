#pragma once
// A training small enough to be followed step by step on two devices.
#include <memory>
#include <vector>

#include "apps/runs/inputs/precision.h"
#include "autograd/optim/sgd.h"
#include "nas/spaces/cells/supernet.h"
#include "nas/train/score.h"

namespace ockham::apps {

/// A DARTS supernet of 3 cells, 2 nodes and 4 channels with all its operations, on batches of 4 drawn images of 8x8.
/// SGD with momentum, clipping, weight decay; the learning rate falls and the batch changes from step to step.
class SmallTraining {
 public:
  SmallTraining(const Precision& precision, Device device);

  /// What the host does before a step: its batch and learning rate go to where the step finds them.
  void prepare();
  /// What the device does, which can be recorded (engine/backend.h).
  void enqueue();
  /// Of the last step. Waits for it.
  double loss() const;
  /// Parameters and buffers, on the CPU.
  std::vector<Tensor> state() const;

 private:
  nas::Batch batch_of(std::uint64_t step) const;

  Precision precision_;
  Device device_;
  nas::Batch batch_;
  std::unique_ptr<nas::Supernet> network_;
  std::vector<Parameter*> trained_;
  std::unique_ptr<Sgd> sgd_;
  std::uint64_t steps_ = 0;
  Tensor loss_;
};

/// A supernet of that size with switches, and a batch, for second derivatives.
struct SmallSwitches {
  SmallSwitches(DType dtype, Device device);
  Variable loss(Tape& tape, BatchNormMode mode);

  std::unique_ptr<nas::Supernet> network;
  nas::Batch batch;
  std::vector<Parameter*> switches;
};

}  // namespace ockham::apps
