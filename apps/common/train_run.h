#pragma once
// The run behind ockham-train: epochs, checkpoints, metrics, final test. One step is nas/train/trainer.h.
#include "apps/common/main.h"

namespace ockham::apps {

/// @return kDone or kStopped
int run_train(Session& session);

}  // namespace ockham::apps
