#pragma once
// One network made smaller to several budgets: the dense one is trained once, or taken from --checkpoint, and each
// compression is an ordinary run in a folder of its own that starts from it.
#include "apps/compress/compress_settings.h"
#include "apps/runs/program.h"

namespace ockham::apps {

/// Trains in OUT/dense where there is no checkpoint, compresses in OUT/params-40000 and the like, finishes what was
/// begun, and publishes sizes, times and accuracies of all: a table, sweep.json, and a section of the page
/// (runs/page/sweep_section.h). What a compression would refuse at its start is refused before anything is written.
/// @return kStopped on request
/// @throws UsageError for epochs of training that would be done again for each budget
int run_sweep(Session& session, const CompressSettings& settings, const Budgets& budgets);

/// Marks those points of a sweep ("on_front") that no other equals in size and accuracy and surpasses in one of them.
/// @param size, accuracy  under which names points hold these
void mark_front(nlohmann::ordered_json& points, const std::string& size, const std::string& accuracy);

/// A resumed sweep may have other budgets, one compression may not. @throws UsageError
void require_same_budgets(const CompressSettings& settings);

}  // namespace ockham::apps
