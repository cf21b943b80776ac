// ockham-compare: is a found cell better than random ones of like size? Trains them all alike, several seeds each.
#include <cmath>
#include <fstream>
#include <iostream>

#include "apps/common/common_options.h"
#include "apps/common/format.h"
#include "apps/common/train_run.h"
#include "engine/atomic_file.h"
#include "nas/network/evaluation_network.h"
#include "nas/space/random_cell.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

void declare(OptionTable& table) {
  declare_train(table);
  table.group("Comparison");
  table.count("random", 3, "random cells to compare with", {.min = 1, .max = 1000});
  table.text("seeds", "1,2,3", "seeds to train each cell with", "N,N,...");
  table.real("tolerance", 0.25, "how far a random network's parameters may differ, as a fraction");
}

/// The options as ockham-train reads them: without those above.
std::string training_ini(const Options& options) {
  std::istringstream all(options.ini());
  std::string ini;
  for (std::string line; std::getline(all, line);) {
    const std::string name = line.substr(0, line.find(' '));
    if (name != "random" && name != "seeds" && name != "tolerance")
      ini += line + "\n";
  }
  return ini;
}

std::vector<std::int64_t> seeds_of(const std::string& text) {
  std::vector<std::int64_t> seeds;
  std::istringstream in(text);
  for (std::string part; std::getline(in, part, ',');) {
    const auto seed = parse_count(part);
    if (!seed || *seed < 0)
      throw UsageError(
          concat("--seeds ", text, ": '", part, "' is no seed; write numbers with commas, such as 1,2,3."));
    seeds.push_back(*seed);
  }
  if (seeds.empty())
    throw UsageError("--seeds: at least one is needed, such as 1,2,3.");
  return seeds;
}

std::int64_t params_of(const nas::Genotype& genotype, const Options& options) {
  nas::EvaluationSpec spec;
  spec.frame.channels = options.count("channels");
  spec.frame.cells = options.count("cells");
  Initial initial;
  nas::EvaluationNetwork network(genotype, spec, initial);
  return count_elements(network.parameters(ParameterKind::kWeight));
}

/// Cells with as many operations as the found ones, drawn until a network of about the same size comes.
nas::Genotype random_like(const nas::Genotype& found, std::uint64_t index, const Options& options) {
  const bool is_darts = found.space == "darts";
  const auto draw = [&](const nas::CellGenotype& cell, std::uint64_t attempt) {
    const nas::CellSpec spec =
        is_darts ? nas::darts_cell(cell.kind, cell.nodes) : nas::bayesnas_cell(cell.kind, cell.nodes);
    return nas::random_cell(spec, nas::kBayesnasPrimitives, nas::count_ops(cell), index, attempt);
  };
  const auto wanted = static_cast<double>(params_of(found, options));
  constexpr std::uint64_t kAttempts = 1000;
  for (std::uint64_t attempt = 0; attempt < kAttempts; ++attempt) {
    nas::Genotype genotype{
        .space = found.space, .normal = draw(found.normal, attempt), .reduce = draw(found.reduce, attempt)};
    const auto params = static_cast<double>(params_of(genotype, options));
    if (std::abs(params - wanted) <= options.real("tolerance") * wanted)
      return genotype;
  }
  throw UsageError(concat("--tolerance ", options.real("tolerance"), ": none of ", kAttempts,
                          " random cells comes as near to ", wanted, " parameters; allow more."));
}

/// Trains in a folder of its own, or reads the summary of an earlier run there: an interrupted comparison goes on.
Json train(Session& session, const std::filesystem::path& folder, const std::string& genotype, std::int64_t seed) {
  const std::filesystem::path summary = folder / "summary.json";
  if (!std::filesystem::exists(summary)) {
    const std::filesystem::path config = session.folder().file("train.ini");
    write_file_atomically(config, training_ini(session.options()));
    OptionTable table;
    add_general_options(table);
    declare_train(table);
    const bool is_partial = std::filesystem::exists(folder / "run.json");
    std::vector<std::string> arguments =
        is_partial ? std::vector<std::string>{"--resume", folder.string()}
                   : std::vector<std::string>{"--config",   config.string(), "--out",  folder.string(),
                                              "--genotype", genotype,        "--seed", std::to_string(seed)};
    Log log(std::cerr, session.log().style());  // its own: it is kept in the log.txt of the training
    Session child("train", table.parse(arguments, {}), log);
    const int end = run_train(child);
    child.folder().finish(end, "");
    if (end != kDone)
      return {};
  }
  std::ifstream in(summary);
  Json result = Json::parse(in, nullptr, false);
  if (!result.is_object() || !result.contains("test_accuracy"))
    throw Error(concat(summary.string(), ": is damaged; remove its folder and run again."));
  return result;
}

struct Row {
  std::string name;
  std::int64_t params = 0;
  std::vector<double> accuracies;

  double mean() const {
    double sum = 0.0;
    for (double a : accuracies)
      sum += a;
    return sum / static_cast<double>(accuracies.size());
  }
  /// Sample standard deviation; 0 for one run.
  double deviation() const {
    double squares = 0.0;
    for (double a : accuracies)
      squares += (a - mean()) * (a - mean());
    return accuracies.size() < 2 ? 0.0 : std::sqrt(squares / static_cast<double>(accuracies.size() - 1));
  }
};

int run(Session& session) {
  const Options& options = session.options();
  if (!options.is_set("genotype"))
    throw UsageError("--genotype is missing: name the genotype.json that a search wrote.");
  const nas::Genotype found = nas::load_genotype(options.text("genotype"));
  const std::vector<std::int64_t> seeds = seeds_of(options.text("seeds"));
  const std::filesystem::path folder = session.folder().path();

  std::vector<std::pair<std::string, nas::Genotype>> cells{{"found", found}};
  for (std::int64_t i = 1; i <= options.count("random"); ++i)
    cells.emplace_back(concat("random", i), random_like(found, static_cast<std::uint64_t>(i), options));

  std::vector<Row> rows;
  for (const auto& [name, genotype] : cells) {
    const std::filesystem::path file = session.folder().file(name + ".json");
    write_file_atomically(file, nas::to_json(genotype));
    Row row{.name = name, .params = params_of(genotype, options), .accuracies = {}};
    for (std::int64_t seed : seeds) {
      const Json summary = train(session, folder / concat(name, "-seed", seed), file.string(), seed);
      if (summary.is_null())
        return kStopped;
      row.accuracies.push_back(summary["test_accuracy"].get<double>());
    }
    rows.push_back(std::move(row));
  }

  Row random{.name = "random, all", .params = 0, .accuracies = {}};
  for (std::size_t i = 1; i < rows.size(); ++i)
    random.accuracies.insert(random.accuracies.end(), rows[i].accuracies.begin(), rows[i].accuracies.end());
  rows.push_back(random);
  Json table = Json::array();
  std::cout << "cell          parameters  test accuracy %, mean +- sd of " << seeds.size() << " seeds\n";
  for (const Row& row : rows) {
    const auto percent = [](double a) { return format_real(std::round(a * 1e4) / 1e2); };
    std::cout << row.name << std::string(14 - std::min<std::size_t>(13, row.name.size()), ' ')
              << (row.params > 0 ? format_count(row.params) : "-") << "  " << percent(row.mean()) << " +- "
              << percent(row.deviation()) << "\n";
    table.push_back({{"cell", row.name},
                     {"params", row.params},
                     {"mean", row.mean()},
                     {"sd", row.deviation()},
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
                                 .run = ockham::apps::run});
}
