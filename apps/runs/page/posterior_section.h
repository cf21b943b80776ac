#pragma once
// posterior.json as a section of a run's page.
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/report/document.h"

namespace ockham::apps {

/// What a search knows of every choice; by a rule of evidence strengths as bars and which groups stand in for each
/// other; with a budget the path to it; why each was kept or pruned. Empty where there are no groups. @throws
/// CheckpointError if it is damaged
std::vector<Block> posterior_section(const nlohmann::ordered_json& posterior);

}  // namespace ockham::apps
