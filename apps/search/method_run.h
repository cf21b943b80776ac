#pragma once
// The run behind ockham-search for every method of nas/methods/method.h: halves of the data, epochs, checkpoints,
// metrics, and the files of the result.
#include "apps/runs/program.h"

namespace ockham::apps {

/// @return kDone or kStopped
int run_method(Session& session);

/// Builds what the run would begin with and drops it. @throws what the run would throw before its first step
void check_method(Session& session);

}  // namespace ockham::apps
