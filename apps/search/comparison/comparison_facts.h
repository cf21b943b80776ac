#pragma once
// What a comparison of search methods tells of one finished search, read from its run folder.
#include <filesystem>
#include <nlohmann/json.hpp>

namespace ockham::apps {

/// Below this accuracy on CIFAR-10, in percent, a search of NAS-Bench-201 counts as collapsed.
inline constexpr double kCollapsedBelow = 85.0;

/// Of the folder's summary.json, metrics.jsonl, run.json and, where there is one, candidates.json:
///   method, seed, folder, cell (its code, or the file that holds it), operations, skips, nones, params, macs, seconds,
///   resumed, peak_bytes, supernet_valid_accuracy (percent; null without), truth (by column, percent; null without a
///   table), collapsed
///   steps, step_seconds: how many there were and the median time from one to the next
///   curve: [{seconds, accuracy}] after each epoch, of the cell that the method would have named then: true where there
///     is a table, else the search network's on held-out images; `is_end` for the cell that it named in the end
///   rank_correlation: as in summary.json, or null
///   candidates: {distinct, drawn, chosen, mean, best, spearman} by c10_test_200, or null
/// A resumed search's seconds end with its last metrics line and leave the pauses out.
/// @throws CheckpointError naming the file if one is missing or damaged
nlohmann::ordered_json run_facts(const std::filesystem::path& folder);

}  // namespace ockham::apps
