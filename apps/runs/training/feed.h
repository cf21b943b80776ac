#pragma once
// The batches of a stretch as tensors. On a device it is one ahead: the next are read and uploaded while the device
// works on those before (nas/train/step_result.h, while_waiting).
#include <exception>
#include <optional>

#include "apps/runs/inputs/batches.h"
#include "apps/runs/training/trainee.h"

namespace ockham::apps {

class Feed {
 public:
  struct Batches {
    nas::Batch batch;
    nas::Batch companion;  ///< empty where the stretch has none
  };

  /// From where the loaders of the stretch, which outlives this, stand.
  Feed(const Stretch& stretch, const TensorForm& maps) : stretch_(stretch), maps_(maps) {}
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  /// Empty at the end of the epoch. @throws what a loader threw in place of these
  std::optional<Batches> next();

 private:
  void fetch();

  const Stretch& stretch_;
  TensorForm maps_;
  bool is_ahead_ = false;
  std::optional<Batches> ahead_;
  std::exception_ptr error_;
};

}  // namespace ockham::apps
