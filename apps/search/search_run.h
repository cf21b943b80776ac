#pragma once
// The run behind ockham-search: phases, checkpoints, metrics and the files of the result. The method itself is
// nas/methods/bayesnas/bayesnas.h.
#include "apps/runs/program.h"

namespace ockham::apps {

/// @return kDone or kStopped
int run_search(Session& session);

/// Builds what the run would begin with and drops it. @throws what the run would throw before its first step
void check_search(Session& session);

}  // namespace ockham::apps
