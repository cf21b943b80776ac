// ockham-compare: is a found cell better than random ones of like size? Trains them all alike, several seeds each.
#include <cmath>
#include <iostream>

#include "apps/cli/options/settings.h"
#include "apps/cli/text/format.h"
#include "apps/cli/text/json_file.h"
#include "apps/cli/text/spread.h"
#include "apps/runs/child_run.h"
#include "apps/runs/folder/source_run.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/profile_report.h"
#include "apps/runs/training/network_training.h"
#include "engine/atomic_file.h"
#include "nas/genotype/random_cell.h"
#include "nas/network/evaluation_network.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

void declare(OptionTable& table) {
  declare_train(table);
  table.at("genotype").help =
      "the found cells: genotype.json of a search, or the folder of its run, which answers data options";
  answer_data_by_run(table, "genotype");
  table.group("Comparison");
  table.count("random", 3, "random cells to compare with", {.min = 1, .max = 1000});
  add_seeds_option(table, "1,2,3", "seeds to train each cell with");
  table.real("tolerance", 0.25, "how far a random network's parameters may differ, as a fraction");
}

/// Of the network that is trained on images like these.
std::int64_t params_of(const nas::Genotype& genotype, const Options& options, const data::Dataset& images) {
  Initial initial;
  nas::EvaluationNetwork network(
      genotype, evaluation_spec_of(read_settings<TrainSettings>(options), genotype, images.classes(), images.shape()),
      initial);
  return count_elements(network.parameters(ParameterKind::kWeight));
}

/// Cells with as many operations as the found ones, drawn until a network of about the same size comes.
nas::Genotype random_like(const nas::Genotype& found, std::uint64_t index, const Options& options,
                          const data::Dataset& images) {
  const bool is_darts = found.space == "darts";
  const auto draw = [&](const nas::CellGenotype& cell, std::uint64_t attempt) {
    const nas::CellSpec spec =
        is_darts ? nas::darts_cell(cell.kind, cell.nodes) : nas::bayesnas_cell(cell.kind, cell.nodes);
    return nas::random_cell(spec, nas::kBayesnasPrimitives, nas::count_ops(cell), index, attempt);
  };
  const auto wanted = static_cast<double>(params_of(found, options, images));
  constexpr std::uint64_t kAttempts = 1000;
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    nas::Genotype genotype{
        .space = found.space, .normal = draw(found.normal, attempt), .reduce = draw(found.reduce, attempt)};
    const auto params = static_cast<double>(params_of(genotype, options, images));
    if (std::abs(params - wanted) <= options.real("tolerance") * wanted)
      return genotype;
  }
  throw UsageError(concat("--tolerance ", options.real("tolerance"), ": none of ", kAttempts,
                          " random cells comes as near to ", wanted, " parameters; allow more."));
}

/// By name: the found one and the random ones.
using Cells = std::vector<std::pair<std::string, nas::Genotype>>;

Cells draw_cells(const nas::Genotype& found, const Options& options) {
  const data::DatasetPtr images = open_dataset(options, data::Split::kTrain);
  Cells cells{{"found", found}};
  for (std::int64_t i = 1; i <= options.count("random"); ++i)
    cells.emplace_back(concat("random", i), random_like(found, static_cast<std::uint64_t>(i), options, *images));
  return cells;
}

/// Those that a resumed comparison has drawn; empty if it did not come so far.
Cells drawn_cells(const Options& options) {
  Cells cells;
  for (std::int64_t i = 0; options.is_set("resume") && i <= options.count("random"); ++i) {
    const std::string name = i == 0 ? "found" : concat("random", i);
    const std::filesystem::path file = std::filesystem::path(options.text("resume")) / (name + ".json");
    if (!std::filesystem::exists(file))
      return {};
    cells.emplace_back(name, nas::load_genotype(file.string()));
  }
  return cells;
}

/// --dry-run: the plan of one training of each cell.
int print_plan(Session& session, const App& train, const std::vector<std::string>& shared, const Cells& cells) {
  for (const auto& [name, genotype] : cells) {
    std::cout << name << ", once a seed:\n";
    std::vector<std::string> arguments = shared;
    arguments.push_back("--genotype=" + Json::parse(nas::to_json(genotype)).dump());
    arguments.emplace_back("--dry-run");
    Session plan = child_session(train, arguments, session.log());
    train.run(plan);
  }
  return kDone;
}

struct Row {
  std::string name;
  std::int64_t params = 0;
  std::vector<double> accuracies = {};
};

int run(Session& session) {
  const Options& options = session.options();
  if (!options.is_set("genotype"))
    throw UsageError("--genotype is missing: name the genotype.json that a search wrote.");
  if (options.source("seed") == Source::kCommandLine)
    throw UsageError("--seed is of one training, --seeds of several; drop it, and name all in --seeds.");
  const std::int64_t asked = options.count("train-size"), batch = options.count("batch-size");
  require_whole_batch(batch, asked > 0 ? asked : batch);
  std::filesystem::path given = options.text("genotype");
  if (std::error_code none; std::filesystem::is_directory(given, none))
    given /= "genotype.json";
  const nas::Genotype found = nas::load_genotype(given.string());
  const std::vector<std::int64_t> seeds = seeds_of(options);
  Cells cells = drawn_cells(options);  // without its data, which a finished comparison needs no more
  if (cells.empty())
    cells = draw_cells(found, options);

  const App train{.name = "train", .purpose = "", .declare = declare_train, .run = run_train};
  const std::vector<std::string> shared = arguments_of(options, {"random", "seeds", "tolerance", "genotype", "seed"});
  if (options.flag("dry-run"))
    return print_plan(session, train, shared, cells);

  std::vector<Row> rows;
  std::vector<ChildRun> trainings;
  for (const auto& [name, genotype] : cells) {
    const std::filesystem::path file = session.folder().file(name + ".json");
    write_file_atomically(file, nas::to_json(genotype));
    rows.push_back({.name = name});
    for (std::int64_t seed : seeds)
      trainings.push_back({concat(name, "-seed", seed), {"--genotype=" + file.string(), concat("--seed=", seed)}});
  }
  const auto summaries = run_children(session, train, shared, trainings);
  if (!summaries)
    return kStopped;
  for (std::size_t i = 0; i < summaries->size(); ++i) {
    const std::string file = trainings[i].name + "/summary.json";
    Row& row = rows[i / seeds.size()];
    row.params = value_of<std::int64_t>((*summaries)[i], "params", file);
    row.accuracies.push_back(value_of<double>((*summaries)[i], "test_accuracy", file));
  }

  Row random{.name = "random, all"};
  for (std::size_t i = 1; i < rows.size(); ++i)
    random.accuracies.insert(random.accuracies.end(), rows[i].accuracies.begin(), rows[i].accuracies.end());
  rows.push_back(random);
  Json table = Json::array();
  std::cout << "data          " << options.text("dataset")
            << "\ncell          parameters  test accuracy %, mean +- sd of " << seeds.size() << " seeds\n";
  for (const Row& row : rows) {
    const auto percent = [](double a) { return format_real(std::round(a * 1e4) / 1e2); };
    const Spread spread = spread_of(row.accuracies);
    std::cout << row.name << std::string(14 - std::min<std::size_t>(13, row.name.size()), ' ')
              << (row.params > 0 ? format_count(row.params) : "-") << "  " << percent(spread.mean) << " +- "
              << percent(spread.deviation) << "\n";
    table.push_back({{"cell", row.name},
                     {"params", row.params},
                     {"mean", spread.mean},
                     {"sd", spread.deviation},
                     {"accuracies", row.accuracies}});
  }
  session.publish({{"dataset", options.text("dataset")}, {"seeds", seeds}, {"rows", table}});
  return kDone;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "compare",
                                 .purpose = "Trains a found cell and random cells of like size alike, several seeds "
                                            "each, and prints mean and spread of their test accuracy.",
                                 .declare = ockham::apps::declare,
                                 .run = [](ockham::apps::Session& session) {
                                   return ockham::apps::run_profiled(session, session.options().flag("profile"),
                                                                     [&] { return ockham::apps::run(session); });
                                 }});
}
