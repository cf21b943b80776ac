#pragma once
// What a finished search leaves behind: genotype, posterior, drawings, summary, and the lines that a person reads.
#include "apps/runs/program.h"
#include "apps/search/search_catalog.h"
#include "nas/genotype/genotype.h"
#include "nas/methods/bayesnas/round.h"

namespace ockham::apps {

struct SearchResult {
  nas::Genotype genotype;
  nas::PosteriorTable posterior;
  std::vector<nas::CellPicture> pictures;
  nas::Round round;  ///< the last
  double seconds = 0.0;
  double images_per_second = 0.0;
  nas::CellFacts facts;  ///< of the found network at `size`
  EvaluationSize size{};
};

/// One line: how the Hessian was computed, how many entries, how many negative, how long.
std::string hessian_line(const nas::HessianReport& report);

/// Writes genotype.json, genotype.txt, posterior.json, cells/* and summary.json, and prints the result.
void publish_search(Session& session, const SearchResult& result);

}  // namespace ockham::apps
