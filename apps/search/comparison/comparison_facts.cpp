#include "apps/search/comparison/comparison_facts.h"

#include <algorithm>
#include <fstream>
#include <numeric>
#include <optional>
#include <vector>

#include "apps/cli/host.h"
#include "apps/cli/text/spread.h"
#include "apps/search/skip_watch.h"
#include "engine/error.h"
#include "engine/json_file.h"
#include "nas/catalog/catalog.h"
#include "nas/genotype/genotype.h"
#include "nas/rank_correlation.h"
#include "nas/spaces/nasbench201/cell.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
namespace nb201 = nas::nasbench201;
using Json = nlohmann::ordered_json;

/// What tells of collapse, and by which a cell's truth is meant where one number has to do.
constexpr const char* kMainColumn = "c10_test_200";

std::vector<Json> read_lines(const fs::path& path) {
  std::ifstream in(path);
  std::vector<Json> lines;
  for (std::string line; std::getline(in, line);) {
    const std::string name = concat(path.string(), ", line ", lines.size() + 1);
    lines.push_back(parse_json(line, name));
    value_of<double>(lines.back(), "t", name);
    value_of<std::string>(lines.back(), "split", name);
  }
  return lines;
}

std::vector<std::string> resumptions_of(const fs::path& path) {
  std::vector<std::string> starts;
  for (const Json& resumption : value_of<std::vector<Json>>(read_json(path), "resumed", path.string(), {}))
    starts.push_back(value_of<std::string>(resumption, "start", path.string()));
  return starts;
}

std::optional<double> number(const Json& object, const char* name) {
  const auto it = object.find(name);
  return it != object.end() && it->is_number() ? std::optional(it->get<double>()) : std::nullopt;
}

/// Seconds from the first line to each, pauses left out: of the gaps within which the run was resumed, the longest.
/// @param resumptions when it was resumed, in whole seconds
std::vector<double> clock_of(const std::vector<Json>& lines, const std::vector<std::string>& resumptions) {
  std::vector<double> gaps(lines.size(), 0.0);
  const auto time = [&](std::size_t i) { return lines[i]["t"].get<double>(); };
  for (std::size_t i = 1; i < lines.size(); ++i)
    gaps[i] = std::max(0.0, time(i) - time(i - 1));
  for (const std::string& start : resumptions) {
    std::size_t longest = 0;  // several gaps may hold a whole second
    for (std::size_t i = 1; i < lines.size(); ++i) {
      if (utc_text(time(i - 1)) <= start && start <= utc_text(time(i)) && gaps[i] > gaps[longest])
        longest = i;
    }
    if (!gaps.empty())
      gaps[longest] = 0.0;
  }
  std::partial_sum(gaps.begin(), gaps.end(), gaps.begin());
  return gaps;
}

/// Operations, skips, nones and how the cell is called.
Json cell_facts(const Json& summary, const std::string& name) {
  const std::string cell = summary.contains("cell") ? value_of<std::string>(summary, "cell", name)
                                                    : value_of<Json>(summary, "genotype", name).dump();
  const auto space = value_of<std::string>(summary, "space", name);
  const CellContent content = content_of_cell(space, cell);
  const bool has_genotype = space != "nasbench201" && content.operations > 0;
  return {{"cell", space == "nasbench201" ? nb201::code(nb201::parse_cell(cell))
                   : has_genotype         ? "genotype.json"
                                          : cell},
          {"operations", content.operations > 0 ? Json(content.operations) : Json(nullptr)},
          {"skips", content.operations > 0 ? content.skips : value_of<std::int64_t>(summary, "skips", name, 0)},
          {"nones", content.nones}};
}

bool is_collapsed(const Json& facts) {
  const Json& truth = facts["truth"];
  if (!truth.is_null() && number(truth, kMainColumn).value_or(100.0) < kCollapsedBelow)
    return true;
  const Json& operations = facts["operations"];
  return !operations.is_null() && CellContent{.operations = operations.get<std::int64_t>(),
                                              .skips = facts["skips"].get<std::int64_t>(),
                                              .nones = facts["nones"].get<std::int64_t>()}
                                      .is_mostly_skips();
}

Json curve_of(const std::vector<Json>& lines, const std::vector<double>& clock, bool has_truth) {
  Json curve = Json::array();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i]["split"] != "valid")
      continue;
    const auto accuracy = number(lines[i], has_truth ? kMainColumn : "top1");
    if (accuracy)
      curve.push_back({{"seconds", clock[i]}, {"accuracy", has_truth ? *accuracy : 100.0 * *accuracy}});
  }
  return curve;
}

Json candidates_of(const fs::path& path, const Json& truth) {
  if (!fs::exists(path))
    return nullptr;
  const Json rows = read_json(path);
  std::int64_t drawn = 0;
  double sum = 0.0, best = 0.0;
  std::vector<double> scores, accuracies;
  for (const Json& row : rows) {
    const auto times = value_of<std::int64_t>(row, "times", path.string());
    drawn += times;
    const auto accuracy = number(row, kMainColumn);
    if (!accuracy)
      continue;
    sum += static_cast<double>(times) * *accuracy;
    best = std::max(best, *accuracy);
    if (const auto score = number(row, "score")) {  // null: not finite
      scores.push_back(*score);
      accuracies.push_back(*accuracy);
    }
  }
  Json facts{{"distinct", rows.size()}, {"drawn", drawn}};
  if (truth.is_null())
    return facts;
  facts.update({{"chosen", value_of<Json>(truth, kMainColumn, "summary.json: truth")},
                {"mean", sum / static_cast<double>(drawn)},
                {"best", best},
                {"spearman", nas::spearman(scores, accuracies)}});
  return facts;
}

}  // namespace

Json run_facts(const fs::path& folder) {
  const std::string name = (folder / "summary.json").string();
  const Json summary = read_json(name);
  const std::vector<Json> lines = read_lines(folder / "metrics.jsonl");
  const std::vector<std::string> resumptions = resumptions_of(folder / "run.json");
  const std::vector<double> clock = clock_of(lines, resumptions);
  const auto truth = value_of<Json>(summary, "truth", name, nullptr);

  std::vector<double> steps;
  std::int64_t count = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    count += lines[i]["split"] == "train" ? 1 : 0;
    if (i == 0 || lines[i]["split"] != "train" || lines[i - 1]["split"] != "train")
      continue;
    if (const double gap = clock[i] - clock[i - 1]; gap > 0.0)  // how long the one took that was stopped is unknown
      steps.push_back(gap);
  }
  const double seconds =
      resumptions.empty() || clock.empty() ? value_of<double>(summary, "seconds", name) : clock.back();
  const auto valid = number(summary, "supernet_valid_accuracy");

  Json facts{{"method", value_of<std::string>(summary, "method", name)},
             {"seed", value_of<std::int64_t>(summary, "seed", name)},
             {"folder", folder.filename().string()}};
  facts.update(cell_facts(summary, name));
  facts.update({{"params", value_of<std::int64_t>(summary, "params", name)},
                {"macs", value_of<std::int64_t>(summary, "macs", name)},
                {"seconds", seconds},
                {"resumed", !resumptions.empty()},
                {"peak_bytes", value_of<std::int64_t>(summary, "peak_bytes", name)},
                {"supernet_valid_accuracy", valid && *valid > 0.0 ? Json(100.0 * *valid) : Json(nullptr)},
                {"truth", truth}});
  facts["collapsed"] = is_collapsed(facts);
  facts["steps"] = count;
  facts["step_seconds"] = median(std::move(steps));
  facts["curve"] = curve_of(lines, clock, !truth.is_null());
  if (!truth.is_null())
    facts["curve"].push_back(
        {{"seconds", seconds}, {"accuracy", value_of<Json>(truth, kMainColumn, name)}, {"is_end", true}});
  facts["rank_correlation"] = value_of<Json>(summary, "rank_correlation", name, nullptr);
  facts["candidates"] = candidates_of(folder / "candidates.json", truth);
  return facts;
}

}  // namespace ockham::apps
