#pragma once
// Where a run stands, as its checkpoints say it: counts in the metadata's position, sums and bests as a tensor.
#include "apps/runs/folder/checkpoints.h"
#include "nas/train/score.h"

namespace ockham::apps {

struct Position {
  std::size_t stretch = 0;       ///< one past the last: the run is finished
  std::int64_t epoch = 0;        ///< of the stretch
  std::int64_t batch = 0;        ///< of the epoch
  std::int64_t step = 0;         ///< of the run
  std::int64_t micro_batch = 0;  ///< images at a time that the run was started with; 0: whole batches
  nas::Score epoch_score = {};   ///< of the epoch's steps so far: a resumed epoch reports what an unbroken one does
  double train_loss = 0.0;       ///< mean over the last whole epoch
  double valid_accuracy = 0.0;   ///< of the last validation
  double best_accuracy = -1.0;   ///< of all validations

  Checkpoint checkpoint(nlohmann::ordered_json network, std::map<std::string, Tensor> state) const;
  /// @throws CheckpointError for values that no run reaches, and for checkpoints of another form
  static Position of(const Checkpoint& checkpoint);
};

}  // namespace ockham::apps
