#include "apps/pgnas/candidate_groups.h"

#include <cmath>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/cli/text/json_text.h"
#include "apps/cli/text/spread.h"
#include "apps/report/histogram.h"
#include "engine/atomic_file.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

/// Of what a field holds.
template <class Value>
Spread spread(const std::vector<Candidate>& candidates, Value Candidate::*field) {
  std::vector<double> values;
  for (const Candidate& candidate : candidates)
    values.push_back(static_cast<double>(candidate.*field));
  return spread_of(values);
}

Json candidates_json(const CandidateGroup& group, const HistogramBins& bins, const HistogramGroup& values) {
  Json candidates = Json::array();
  for (const Candidate& c : group.candidates)
    candidates.push_back({{"number", c.number}, {"accuracy", c.accuracy}, {"loss", c.loss}, {"params", c.parameters}});
  return {{"name", group.name},
          {"seed", group.drawing.seed},
          {"drop_rate", group.drawing.drop_rate ? Json(*group.drawing.drop_rate) : Json(nullptr)},
          {"expected_params", group.expected_parameters},
          {"counts", histogram_counts(values, bins)},
          {"candidates", std::move(candidates)}};
}

void print_line(const CandidateGroup& group) {
  const Candidate& best = group.candidates.front();
  std::cout << group.name << ": mean " << format_percent(group.mean_accuracy()) << " +- "
            << format_percent(group.deviation()) << " %, " << format_count(std::llround(group.mean_parameters()))
            << " parameters kept; best " << format_percent(best.accuracy) << " % (number " << best.number << ", "
            << format_count(best.parameters) << " parameters), test " << format_percent(group.test_accuracy) << " %\n";
}

}  // namespace

double CandidateGroup::mean_accuracy() const {
  return spread(candidates, &Candidate::accuracy).mean;
}

double CandidateGroup::deviation() const {
  return spread(candidates, &Candidate::accuracy).deviation;
}

double CandidateGroup::mean_parameters() const {
  return spread(candidates, &Candidate::parameters).mean;
}

void tell_groups(RunFolder& folder, std::span<const CandidateGroup> groups) {
  const std::string axis = "validation accuracy %";
  std::vector<HistogramGroup> values;
  for (const CandidateGroup& group : groups) {
    values.push_back({.name = group.name, .values = {}});
    for (const Candidate& candidate : group.candidates)
      values.back().values.push_back(100.0 * candidate.accuracy);
  }
  const HistogramBins bins = histogram_bins(values);
  Json rows = Json::array();
  for (std::size_t g = 0; g < groups.size(); ++g)
    rows.push_back(candidates_json(groups[g], bins, values[g]));
  const Json file{{"format", 1},
                  {"bins", {{"first", bins.edge(0)}, {"width", bins.width}, {"count", bins.count}}},
                  {"groups", std::move(rows)}};
  write_file_atomically(folder.file("histogram.json"), json_text(file, 1) + "\n");
  write_file_atomically(folder.file("histogram.svg"), histogram_svg(values, bins, axis));
  std::cout << histogram_text(values, bins, axis);
  for (const CandidateGroup& group : groups)
    print_line(group);
}

Json groups_json(std::span<const CandidateGroup> groups) {
  Json result = Json::object();
  for (const CandidateGroup& group : groups) {
    const Candidate& best = group.candidates.front();
    result[group.name] = {{"draws", group.candidates.size()},
                          {"drop_rate", group.drawing.drop_rate ? Json(*group.drawing.drop_rate) : Json(nullptr)},
                          {"expected_params", group.expected_parameters},
                          {"mean_params", group.mean_parameters()},
                          {"mean_accuracy", group.mean_accuracy()},
                          {"sd_accuracy", group.deviation()},
                          {"best",
                           {{"number", best.number},
                            {"params", best.parameters},
                            {"valid_accuracy", best.accuracy},
                            {"test_accuracy", group.test_accuracy}}}};
  }
  return result;
}

}  // namespace ockham::apps
