#pragma once
#include "apps/cli/options/options.h"

namespace ockham::apps {

/// epochs, batch-size, channels, cells, lr with DARTS's names as aliases (init-channels, layers, learning-rate). The
/// defaults are those of the DARTS search; change them through OptionTable::at.
void add_training_options(OptionTable& table);

}  // namespace ockham::apps
