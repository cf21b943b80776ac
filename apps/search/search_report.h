#pragma once
// What a finished search leaves behind: genotype, posterior, drawings, summary, and the lines that a person reads.
#include <optional>

#include "apps/runs/hessian_check.h"
#include "apps/runs/program.h"
#include "apps/search/search_setup.h"

namespace ockham::apps {

struct SearchResult {
  nas::Genotype genotype;
  nas::CellPosterior normal;
  nas::CellPosterior reduce;
  nas::HessianReport hessian;
  std::optional<HessianCheck> check;
  double seconds = 0.0;
  double images_per_second = 0.0;
  double valid_accuracy = 0.0;  ///< of the supernet, before the last pruning
  std::int64_t params = 0;      ///< of the found network at `size`
  std::int64_t macs = 0;
  EvaluationSize size{};
};

/// One line: how the Hessian was computed, how many entries, how many negative, how long.
std::string hessian_line(const nas::HessianReport& report);

/// Writes genotype.json, genotype.txt, posterior.json, cells/* and summary.json, and prints the result.
void publish_search(Session& session, const SearchResult& result);

}  // namespace ockham::apps
