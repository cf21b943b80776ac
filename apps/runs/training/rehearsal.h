#pragma once
// What a trainee will need of memory and time, found out on noise in place of images. It is of no use afterwards.
#include <deque>

#include "apps/runs/inputs/precision.h"
#include "apps/runs/memory_plan.h"
#include "apps/runs/training/trainee.h"

namespace ockham::apps {

class Rehearsal {
 public:
  Rehearsal(Trainee& trainee, const TensorForm& maps);
  Rehearsal(const Rehearsal&) = delete;
  Rehearsal& operator=(const Rehearsal&) = delete;

  /// The most images at a time in a step that keep the run within `limit`.
  /// @throws UsageError with the smallest limit that would do
  std::int64_t fitting_micro_batch(std::size_t limit);
  /// The text of --dry-run: sizes, memory by class and pass, steps, time.
  std::string plan(std::int64_t micro_batch);

 private:
  struct Planned {
    PassPlan plan;
    std::int64_t images;
    bool follows_micro_batch;
  };
  std::deque<Planned> other_passes();
  /// Batches in memory beside the one that a step works on: its companion, and on a device those of the next (feed.h).
  std::int64_t waiting_batches() const;
  void whole_step(std::int64_t images);
  void split_step(std::int64_t images);
  void step(std::int64_t images);
  void have_gradients();

  Trainee& trainee_;
  TensorForm maps_;
  bool has_gradients_ = false;
  PassPlan whole_{"step", [this](std::int64_t images) { whole_step(images); }, maps_.device};
  PassPlan split_{"step", [this](std::int64_t images) { split_step(images); }, maps_.device};
};

}  // namespace ockham::apps
