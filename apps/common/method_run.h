#pragma once
// The run behind ockham-search for every method of nas/search/search_method.h: halves of the data, epochs, checkpoints,
// metrics, and the files of the result.
#include "apps/common/main.h"

namespace ockham::apps {

/// @return kDone or kStopped
int run_method(Session& session);

}  // namespace ockham::apps
