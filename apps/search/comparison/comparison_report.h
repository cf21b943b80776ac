#pragma once
// The report of a comparison of search methods, from its facts alone.
#include <nlohmann/json.hpp>

#include "apps/report/document.h"

namespace ockham::apps {

/// One row a method: accuracies, skip connections, parameters, seconds and memory over its seeds.
TextTable methods_table(const nlohmann::ordered_json& comparison);

/// How much better each method's cells are than the mean random one, with the standard error of that; no rows without a
/// table. The note says what the numbers are.
TextTable margins_table(const nlohmann::ordered_json& comparison);
std::string margins_note();

/// @param comparison
///   name, space, dataset, seeds, epochs, batch_size, has_table
///   random_mean: accuracy of the mean cell by column, percent; null without a table
///   methods: [{name, batches, sees}]: how many batches a step takes, and what for
///   runs: as run_facts() gives them, for every method and seed
///   command, settings: how to repeat it, and its config.ini
Document comparison_report(const nlohmann::ordered_json& comparison);

}  // namespace ockham::apps
