// ockham-compare: is a found cell better than random ones of like size? Trains them all alike, several seeds each.
#include <cmath>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/cli/text/spread.h"
#include "apps/runs/child_run.h"
#include "apps/runs/folder/source_run.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/profile_report.h"
#include "apps/runs/training/network_training.h"
#include "engine/atomic_file.h"
#include "engine/json_file.h"
#include "nas/genotype/random_cell.h"
#include "nas/network/evaluation_network.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

struct CompareSettings {
  TrainSettings train;
  std::int64_t random = 3;
  std::string seeds = "1,2,3";
  double tolerance = 0.25;
};

void describe(CompareSettings& s, SettingVisitor& v) {
  describe(s.train, v);
  v.group("Comparison");
  v.count("random", s.random, "random cells to compare with", {.min = 1, .max = 1000});
  v.text("seeds", s.seeds, "seeds to train each cell with", "N,N,...", seeds_complaint);
  v.real("tolerance", s.tolerance, "how far a random network's parameters may differ, as a fraction");
}

void declare(OptionTable& table) {
  declare_train(table);
  declare_settings<CompareSettings>(table);
  table.at("genotype").help =
      "the found cells: genotype.json of a search, or the folder of its run, which answers data options";
  answer_data_by_run(table, "genotype");
}

/// Of the network that is trained on images like these.
double params_of(const nas::Genotype& genotype, const CompareSettings& settings, const data::Dataset& images) {
  Initial initial;
  nas::EvaluationNetwork network(
      genotype, evaluation_spec_of(settings.train.network, genotype, images.classes(), images.shape()), initial);
  return static_cast<double>(count_elements(network.parameters(ParameterKind::kWeight)));
}

/// Random cells, drawn until a network of about the found one's size comes.
nas::Genotype random_of_like_size(const nas::Genotype& found, std::uint64_t index, const CompareSettings& settings,
                                  const data::Dataset& images) {
  const double wanted = params_of(found, settings, images);
  constexpr std::uint64_t kAttempts = 1000;
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    nas::Genotype genotype = nas::random_like(found, index, attempt);
    if (std::abs(params_of(genotype, settings, images) - wanted) <= settings.tolerance * wanted)
      return genotype;
  }
  throw UsageError(concat("--tolerance ", settings.tolerance, ": none of ", kAttempts,
                          " random cells comes as near to ", wanted, " parameters; allow more."));
}

/// By name: the found one and the random ones.
using Cells = std::vector<std::pair<std::string, nas::Genotype>>;

Cells draw_cells(const nas::Genotype& found, const CompareSettings& settings) {
  const data::DatasetPtr images = open_dataset(settings.train.data.images, data::Split::kTrain);
  Cells cells{{"found", found}};
  for (std::int64_t i = 1; i <= settings.random; ++i)
    cells.emplace_back(concat("random", i),
                       random_of_like_size(found, static_cast<std::uint64_t>(i), settings, *images));
  return cells;
}

/// Those that a resumed comparison has drawn; empty if it did not come so far.
Cells drawn_cells(const CompareSettings& settings) {
  const fs::path run = settings.train.run.folder.resume;
  Cells cells;
  for (std::int64_t i = 0; !run.empty() && i <= settings.random; ++i) {
    const std::string name = i == 0 ? "found" : concat("random", i);
    const fs::path file = run / (name + ".json");
    if (!fs::exists(file))
      return {};
    cells.emplace_back(name, nas::load_genotype(file.string()));
  }
  return cells;
}

/// --dry-run: the plan of one training of each cell.
int print_plan(Session& session, const std::vector<std::string>& shared, const Cells& cells) {
  for (const auto& [name, genotype] : cells) {
    std::cout << name << ", once a seed:\n";
    std::vector<std::string> arguments = shared;
    arguments.push_back("--genotype=" + Json::parse(nas::to_json(genotype)).dump());
    arguments.emplace_back("--dry-run");
    Session plan = child_session(train_app(), arguments, session.log());
    train_app().run(plan);
  }
  return kDone;
}

struct Row {
  std::string name;
  std::int64_t params = 0;
  std::vector<double> accuracies = {};
};

/// @throws UsageError for what options alone can tell
void check(const Session& session, const TrainSettings& train) {
  if (!train.network.model.empty())
    throw UsageError(concat("--model ", train.network.model, ": cells are compared; name some by --genotype."));
  if (train.network.genotype.empty())
    throw UsageError("--genotype is missing: name the genotype.json that a search wrote.");
  if (session.options().source("seed") == Source::kCommandLine)
    throw UsageError("--seed is of one training, --seeds of several; drop it, and name all in --seeds.");
  const std::int64_t batch = train.recipe.batch_size;
  require_whole_batch(batch, train.data.train_size > 0 ? train.data.train_size : batch);
}

nas::Genotype found_cells(fs::path given) {
  if (std::error_code none; fs::is_directory(given, none))
    given /= "genotype.json";
  return nas::load_genotype(given.string());
}

/// Of the found cell, the first row, over the mean of the random ones, each counted by its own mean: what seeds differ
/// by is in there.
Margin margin_of(const std::vector<Row>& rows) {
  std::vector<double> random;
  for (std::size_t i = 1; i < rows.size(); ++i)
    random.push_back(spread_of(rows[i].accuracies).mean);
  return margin_over(rows.front().accuracies, random);
}

/// Prints a line for each cell, one for all random ones, and how much better the found one is. @return the same as JSON
Json tell(std::vector<Row> rows, std::size_t seeds) {
  const Margin margin = margin_of(rows);
  Row random{.name = "random, all"};
  for (std::size_t i = 1; i < rows.size(); ++i)
    random.accuracies.insert(random.accuracies.end(), rows[i].accuracies.begin(), rows[i].accuracies.end());
  rows.push_back(random);
  Json table = Json::array();
  std::cout << "cell          parameters  test accuracy %, mean +- sd of " << seeds << " seeds\n";
  for (const Row& row : rows) {
    const Spread spread = spread_of(row.accuracies);
    std::cout << padded(row.name, 14) << (row.params > 0 ? format_count(row.params) : "-") << "  "
              << format_percent(spread.mean) << " +- " << format_percent(spread.deviation) << "\n";
    table.push_back({{"cell", row.name},
                     {"params", row.params},
                     {"mean", spread.mean},
                     {"sd", spread.deviation},
                     {"accuracies", row.accuracies}});
  }
  const bool has_error = std::isfinite(margin.error);
  std::cout << "found is better than the mean random cell by " << format_percent(margin.mean)
            << (has_error ? " +- " + format_percent(margin.error) + " (standard error)"
                          : " (no standard error: it takes two seeds and two random cells)")
            << " %\n";
  return {{"rows", table},
          {"better_than_random", {{"mean", margin.mean}, {"error", has_error ? Json(margin.error) : Json(nullptr)}}}};
}

int run_all(Session& session, const CompareSettings& settings) {
  check(session, settings.train);
  const nas::Genotype found = found_cells(settings.train.network.genotype);
  const std::vector<std::int64_t> seeds = seeds_of(settings.seeds);
  Cells cells = drawn_cells(settings);  // without its data, which a finished comparison needs no more
  if (cells.empty())
    cells = draw_cells(found, settings);
  const std::vector<std::string> shared =
      arguments_of(session.options(), {"random", "seeds", "tolerance", "genotype", "seed"});
  if (settings.train.run.folder.dry_run)
    return print_plan(session, shared, cells);

  std::vector<Row> rows;
  std::vector<ChildRun> trainings;
  for (const auto& [name, genotype] : cells) {
    const fs::path file = session.folder().file(name + ".json");
    write_file_atomically(file, nas::to_json(genotype));
    rows.push_back({.name = name});
    for (std::int64_t seed : seeds)
      trainings.push_back({concat(name, "-seed", seed), {"--genotype=" + file.string(), concat("--seed=", seed)}});
  }
  const auto summaries = run_children(session, train_app(), shared, trainings);
  if (!summaries)
    return kStopped;
  for (std::size_t i = 0; i < summaries->size(); ++i) {
    const std::string file = trainings[i].name + "/summary.json";
    Row& row = rows[i / seeds.size()];
    row.params = value_of<std::int64_t>((*summaries)[i], "params", file);
    row.accuracies.push_back(value_of<double>((*summaries)[i], "test_accuracy", file));
  }
  const std::string& dataset = settings.train.data.images.dataset;
  std::cout << "data          " << dataset << '\n';
  Json summary{{"dataset", dataset}, {"seeds", seeds}};
  summary.update(tell(std::move(rows), seeds.size()));
  session.publish(summary);
  return kDone;
}

int run(Session& session, const CompareSettings& settings) {
  for (const std::string& line : unused_options(session.options(), settings.train.network))
    session.log().line(line);
  return run_profiled(session, settings.train.run.profile, [&] { return run_all(session, settings); });
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(argc, argv,
                  app_of("compare",
                         "Trains a found cell and random cells of like size alike, several seeds each, and prints mean "
                         "and spread of their test accuracy.",
                         run, declare));
}
