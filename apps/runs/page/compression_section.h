#pragma once
// compression.json as a section of a run's page.
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/report/document.h"

namespace ockham::apps {

/// Sizes and speed before and after, accuracy against size over the cycles, layer by layer what is left, and what the
/// first layer looks at. @throws CheckpointError if it is damaged
std::vector<Block> compression_section(const nlohmann::ordered_json& compression);

}  // namespace ockham::apps
