#include "apps/search/method_report.h"

#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/search/training_command.h"
#include "engine/allocator.h"
#include "engine/atomic_file.h"
#include "nas/genotype/genotype.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;
using nas::nasbench201::Table;

Json candidates_json(const std::vector<nas::Candidate>& candidates, const std::optional<Table>& table) {
  Json rows = Json::array();
  for (const nas::Candidate& candidate : candidates) {
    Json row{{"cell", candidate.cell}, {"score", candidate.score}, {"times", candidate.times}};
    row.update(truth_of(table, candidate.cell));
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

Json truth_of(const std::optional<Table>& table, const std::string& cell) {
  Json truth = Json::object();
  if (!table)
    return truth;
  const nas::nasbench201::Row& row = table->at(nas::nasbench201::parse_cell(cell));
  for (std::size_t c = 0; c < nas::nasbench201::kColumns.size(); ++c)
    truth[std::string(nas::nasbench201::kColumns[c])] = row.accuracy[c];
  return truth;
}

void publish_method(Session& session, const nas::SearchSpace& space, const nas::SearchMethod& method,
                    const std::optional<Table>& table, const MethodResult& result) {
  const Options& options = session.options();
  RunFolder& folder = session.folder();
  write_file_atomically(folder.file("cell.txt"), result.cell + "\n");
  const bool is_genotype = space.name() == "darts" || space.name() == "bayesnas";
  if (is_genotype)
    write_file_atomically(folder.file("genotype.json"), nas::to_json(nas::load_genotype(result.cell)));
  const nas::PosteriorTable posterior = method.posterior();
  if (!posterior.rows.empty())
    write_file_atomically(folder.file("posterior.json"),
                          nas::posterior_json(posterior, options.text("method"), space.name()));
  const std::vector<nas::Candidate> candidates = method.candidates();
  if (!candidates.empty())
    write_file_atomically(folder.file("candidates.json"), candidates_json(candidates, table).dump(1) + "\n");

  std::cout << result.cell << '\n'
            << format_count(result.facts.parameters) << " parameters, " << format_count(result.facts.macs)
            << " multiply-accumulates, " << result.facts.skips << " skip connections\n";
  if (!result.facts.is_connected)
    std::cout << "warning: the cell's output is cut off from its input; a network of it learns nothing\n";
  const Json truth = truth_of(table, result.cell);
  for (const auto& [column, accuracy] : truth.items())
    std::cout << column << ": " << accuracy << " %\n";
  std::cout << "time " << format_duration(result.seconds) << ", results in " << folder.path().string() << '\n';
  if (is_genotype)
    std::cout << "train it with:\n  " << training_command(options, folder.path()) << '\n';

  Json summary{{"method", options.text("method")},
               {"space", space.name()},
               {"dataset", options.text("dataset")},
               {"seed", options.count("seed")},
               {"seconds", result.seconds},
               {"peak_bytes", CachingAllocator::instance().statistics().peak_bytes},
               {"cell", result.cell},
               {"params", result.facts.parameters},
               {"macs", result.facts.macs},
               {"skips", result.facts.skips},
               {"connected", result.facts.is_connected},
               {"supernet_valid_accuracy", result.valid_accuracy}};
  if (!truth.empty())
    summary["truth"] = truth;
  if (!result.rank_correlation.is_null())
    summary["rank_correlation"] = result.rank_correlation;
  session.publish(summary);
}

}  // namespace ockham::apps
