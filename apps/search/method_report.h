#pragma once
// What a method's search leaves behind: cell, posterior, candidates, summary, and the lines that a person reads.
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/runs/program.h"
#include "nas/methods/method.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {

/// The published accuracies of a cell, by column name; empty without a table.
nlohmann::ordered_json truth_of(const std::optional<nas::nasbench201::Table>& table, const std::string& cell);

struct MethodResult {
  std::string cell;
  nas::CellFacts facts;
  double seconds = 0.0;
  double valid_accuracy = 0.0;                        ///< of the search network on held-out images; 0: it has none
  nlohmann::ordered_json rank_correlation = nullptr;  ///< of the search network's scores with the table
};

/// Writes cell.txt (genotype.json where it is one), posterior.json, candidates.json and summary.json, and prints the
/// result.
void publish_method(Session& session, const nas::SearchSpace& space, const nas::SearchMethod& method,
                    const std::optional<nas::nasbench201::Table>& table, const MethodResult& result);

}  // namespace ockham::apps
