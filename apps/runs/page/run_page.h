#pragma once
// report.html of a run: made of the files in its folder and of nothing else, so that it can be made at any time.
#include <filesystem>

#include "apps/report/document.h"

namespace ockham::apps {

/// What ran and how it ended, results, curves, cells, posterior, predictions, the checklist of a search, how to go on:
/// of each as much as the folder has. Files that are damaged are named in place of what they would have told.
/// @param run a folder with a run.json @throws CheckpointError if that is damaged
Document page_of(const std::filesystem::path& run);

}  // namespace ockham::apps
