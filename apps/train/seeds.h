#pragma once
// One training repeated with several seeds, each an ordinary run in a folder of its own, and how far they scatter.
#include <string>

#include "apps/runs/program.h"

namespace ockham::apps {

struct SeedsSettings {
  std::string seeds;  ///< empty: one training, with --seed
};
void describe(SeedsSettings& settings, SettingVisitor& visitor);

/// Runs them in OUT/seed-N, finishes those that were begun, and publishes n, mean, standard deviation, least and
/// largest of what they came to. @return kStopped on request
int train_seeds(Session& session, const SeedsSettings& settings);

}  // namespace ockham::apps
