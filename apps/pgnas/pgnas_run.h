#pragma once
// The run behind ockham-pgnas: trains a hybrid network with its gates, then draws candidates from it and ranks them,
// guided by what the gates learned and at random. One step is nas/methods/pgnas/pgnas.h.
#include "apps/runs/program.h"

namespace ockham::apps {

/// Options and presets of ockham-pgnas.
void declare_pgnas(OptionTable& table);

/// @return kDone or kStopped
int run_pgnas(Session& session);

}  // namespace ockham::apps
