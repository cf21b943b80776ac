#pragma once
// What a search leaves behind: cell, posterior, drawings, candidates, summary, and the lines that a person reads.
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/runs/program.h"
#include "apps/runs/training/trainee.h"
#include "nas/methods/bayesnas/rounds/round.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {

/// The published accuracies of a cell, by column name; empty without a table.
nlohmann::ordered_json truth_of(const std::optional<nas::nasbench201::Table>& table, const std::string& cell);

/// How the Hessian was computed and checked, how it compares with lambda, and what was pruned.
void log_round(const nas::Round& round, Log& log);

struct SearchSettings;

struct SearchResult {
  std::string cell;
  nas::CellFacts facts;
  RunResult run;
  nlohmann::ordered_json rank_correlation = nullptr;  ///< of the search network's scores with the table
};

/// Writes cell.txt, genotype.json and genotype.txt where it is a genotype, posterior.json, cells/*, candidates.json and
/// summary.json, and prints the result.
void publish_search(Session& session, const SearchSettings& settings, const nas::SearchSpace& space,
                    const nas::SearchMethod& method, const std::optional<nas::nasbench201::Table>& table,
                    const SearchResult& result);

}  // namespace ockham::apps
