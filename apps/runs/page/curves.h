#pragma once
// metrics.jsonl as charts.
#include <filesystem>
#include <vector>

#include "apps/report/document.h"

namespace ockham::apps {

/// Loss, accuracy and rate against steps, then whatever else a run has logged of its validations. Long curves are drawn
/// as means over neighbouring lines. Lines that are no objects are passed over. Empty where nothing was logged.
std::vector<Figure> curves_of(const std::filesystem::path& metrics);

}  // namespace ockham::apps
