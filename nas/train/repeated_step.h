#pragma once
// A step that does the same to every batch. On a device its launches are recorded once and done again from then on
// (engine/backend.h), with the same bits; elsewhere it runs as it is.
#include <functional>
#include <memory>
#include <vector>

#include "autograd/module.h"
#include "engine/backend.h"
#include "nas/train/step_result.h"

namespace ockham::nas {

/// Whether steps are recorded where they can be; they are at first. For --graph.
void set_step_recording(bool is_wanted);

class RepeatedStep {
 public:
  /// What is done to a batch. It waits for nothing, and nothing in it but the batch changes from step to step, unless
  /// it lies in the device's memory: no random numbers addressed by the step, no learning rate as a number.
  using Work = std::function<StepResult(const Batch&)>;

  /// @param state parameters and buffers that the work touches, which outlive this
  explicit RepeatedStep(std::vector<Parameter*> state) : state_(std::move(state)) {}

  /// Does `work` to a batch on the parameters' device. Two steps run as they are, so that all memory is there; then it
  /// is recorded. A batch of another size than the recorded one runs as it is.
  StepResult run(const Batch& batch, const Work& work);
  /// The work is another one from now on.
  void forget();

 private:
  bool matches(const Batch& batch) const;
  void record(const Batch& batch, const Work& work);
  StepResult replay(const Batch& batch);

  std::vector<Parameter*> state_;
  int steps_ = 0;  // run as they are
  bool cannot_ = false;
  std::unique_ptr<RecordedStep> recorded_;
  Batch input_;                           // that the recording reads
  StepResult result_;                     // that it writes
  std::vector<const std::byte*> places_;  // of the state when it was recorded
  std::vector<Tensor> grads_;             // that it writes, by parameter
};

}  // namespace ockham::nas
