#pragma once
// The run behind ockham-train: epochs, checkpoints, metrics, final test. One step is nas/train/trainer.h.
#include "apps/runs/program.h"

namespace ockham::apps {

/// Options and presets of ockham-train.
void declare_train(OptionTable& table);

/// @return kDone or kStopped
int run_train(Session& session);

}  // namespace ockham::apps
