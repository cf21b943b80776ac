#pragma once
// The line of metrics.jsonl that every program writes of a step or an epoch of training.
#include <nlohmann/json.hpp>

#include "apps/cli/progress.h"
#include "nas/train/score.h"

namespace ockham::apps {

/// `place` says which: its fields, then loss, accuracies, learning rate, speed and memory.
nlohmann::ordered_json training_line(nlohmann::ordered_json place, const nas::Score& score, double lr,
                                     const Pace& pace);

}  // namespace ockham::apps
