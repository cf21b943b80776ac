#pragma once
// sweep.json of ockham-compress as a section of a run's page, and as the table that is printed.
#include <nlohmann/json.hpp>
#include <vector>

#include "apps/report/document.h"

namespace ockham::apps {

/// A row for the dense network and one for each budget: sizes, times, accuracies.
/// @throws CheckpointError if it is damaged
TextTable sweep_table(const nlohmann::ordered_json& sweep);

/// The table, and accuracy against size as a picture. @throws CheckpointError if it is damaged
std::vector<Block> sweep_section(const nlohmann::ordered_json& sweep);

}  // namespace ockham::apps
