#include "apps/compress/sweep.h"

#include <algorithm>
#include <array>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/compress/compress_training.h"
#include "apps/runs/child_run.h"
#include "apps/runs/page/sweep_section.h"
#include "engine/atomic_file.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* kDense = "dense";
constexpr std::array kFacts = {
    "params",         "macs",         "milliseconds_one", "milliseconds_hundred", "milliseconds_limited",
    "valid_accuracy", "test_accuracy"};

/// Of the training of the dense network: what `ockham-train` knows of the options.
std::vector<std::string> training_arguments(const Options& options) {
  const OptionTable table = table_of(train_app());
  std::vector<std::string> arguments = arguments_of(options, {"preset"});  // its values are among the others
  std::erase_if(arguments, [&](const std::string& argument) {
    return !table.declares(argument.substr(2, argument.find('=') - 2));
  });
  return arguments;
}

/// Of all compressions; with no epochs of their own before the first cycle.
std::vector<std::string> compression_arguments(const Options& options) {
  std::vector<std::string> arguments =
      arguments_of(options, {"preset", "checkpoint", "model", "genotype", "max-params", "max-macs", "max-latency",
                             "epochs", "early-size", "early-epochs"});
  arguments.emplace_back("--epochs=0");
  return arguments;
}

std::vector<ChildRun> compressions_of(const Budgets& budgets) {
  std::vector<ChildRun> compressions;
  for (const std::string& text : budgets.texts)
    compressions.push_back({concat(budgets.name, "-", text), {concat("--max-", budgets.name, "=", text)}});
  return compressions;
}

/// Options of one compression before there is a dense network to start from.
std::vector<std::string> rehearsal_arguments(const Options& options, const CompressSettings& settings,
                                             const ChildRun& compression) {
  std::vector<std::string> arguments = arguments_of(compression, compression_arguments(options));
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty())
      arguments.push_back(concat("--", name, "=", value));
  };
  add("checkpoint", settings.checkpoint);
  add("model", settings.train.network.model);
  add("genotype", settings.train.network.genotype);
  return arguments;
}

void print_plan(Session& session, const std::string& what, const App& app, std::vector<std::string> arguments) {
  std::cout << what << ":\n";
  arguments.emplace_back("--dry-run");
  Session plan = child_session(app, arguments, session.log());
  app.run(plan);
}

void require_possible(Session& session, const std::vector<std::string>& arguments) {
  Session one = child_session(compress_app(), arguments, session.log());
  CompressTraining(one, read_settings<CompressSettings>(one.options())).require_possible();
}

/// What the network had under the names that end so, as a point of the sweep.
Json point_of(const std::string& run, const Json& budget, const Json& summary, const std::string& ending) {
  Json point{{"run", run}, {"budget", budget}};
  for (const char* name : kFacts)
    point[name] = summary.value(name + ending, Json());
  return point;
}

Json sweep_json(const CompressSettings& settings, const Budgets& budgets, const std::vector<ChildRun>& runs,
                const std::vector<Json>& summaries) {
  const std::string size = budgets.name == "latency" ? "milliseconds_limited" : budgets.name;
  const std::string accuracy =
      summaries.front().value("valid_accuracy", Json()).is_number() ? "valid_accuracy" : "test_accuracy";
  Json points = Json::array();
  points.push_back(point_of(kDense, nullptr, summaries.front(), "_dense"));
  double seconds = 0.0;
  for (std::size_t i = 0; i < summaries.size(); ++i) {
    points.push_back(point_of(runs[i].name, budgets.most[i], summaries[i], ""));
    seconds += value_of<double>(summaries[i], "seconds", runs[i].name + "/summary.json");
  }
  mark_front(points, size, accuracy);
  return {{"format", 1},
          {"dataset", settings.train.data.images.dataset},
          {"seed", settings.train.run.compute.seed},
          {"size", size},
          {"judged_by", accuracy},
          {"points", points},
          {"seconds", seconds}};
}

void describe_next(RunFolder& folder, const Budgets& budgets) {
  const fs::path last = folder.path() / compressions_of(budgets).back().name / "small.safetensors";
  std::string list;
  for (const std::string& text : budgets.texts)
    list += text + ",";
  folder.describe("next", {{{"what", "Test one of the small networks once more, or on other images:"},
                            {"command", "ockham-evaluate " + shell_quoted(last.string())}},
                           {{"what", "A further budget N from the same dense network:"},
                            {"command", concat("ockham-compress --resume ", shell_quoted(folder.path().string()),
                                               " --max-", budgets.name, " ", list, "N")}}});
}

}  // namespace

void mark_front(Json& points, const std::string& size, const std::string& accuracy) {
  const auto number = [](const Json& point, const std::string& name) { return point[name].get<double>(); };
  for (Json& one : points) {
    one["on_front"] = std::ranges::none_of(points, [&](const Json& other) {
      const double smaller = number(one, size) - number(other, size);
      const double better = number(other, accuracy) - number(one, accuracy);
      return smaller >= 0.0 && better >= 0.0 && smaller + better > 0.0;
    });
  }
}

void require_same_budgets(const CompressSettings& settings) {
  const std::string& resumed = settings.train.run.folder.resume;
  if (resumed.empty())
    return;
  const auto is_list = [](const std::string& text) { return text.find(',') != text.npos; };
  for (const auto& [name, now] :
       {std::pair("max-params", settings.max_params), std::pair("max-macs", settings.max_macs),
        std::pair("max-latency", settings.max_latency)}) {
    const Json recorded = RunFolder::recorded_option(resumed, name);
    const std::string before = recorded.is_null()     ? ""
                               : recorded.is_string() ? recorded.get<std::string>()
                                                      : recorded.dump();
    if (before != now && !(is_list(before) && is_list(now)))
      throw UsageError(concat("--", name, " ", now, ": ", resumed, " was begun with ", before.empty() ? "none" : before,
                              ", and only a sweep of several may go on with others; drop it, or begin anew."));
  }
}

int run_sweep(Session& session, const CompressSettings& settings, const Budgets& budgets) {
  const bool trains = settings.checkpoint.empty();
  if (!trains && settings.train.recipe.epochs > 0)
    throw UsageError(concat("--epochs ", settings.train.recipe.epochs, ": each compression of a sweep starts from ",
                            "--checkpoint ", settings.checkpoint,
                            " as it is; give --epochs 0, or train that on first."));
  const Options& options = session.options();
  const std::vector<ChildRun> compressions = compressions_of(budgets);
  const auto smallest = static_cast<std::size_t>(std::ranges::min_element(budgets.most) - budgets.most.begin());
  const std::vector<std::string> rehearsal = rehearsal_arguments(options, settings, compressions[smallest]);
  if (settings.train.run.folder.dry_run) {
    if (trains)
      print_plan(session, "the dense network, once", train_app(), training_arguments(options));
    print_plan(session, concat("its compression, once for each of ", compressions.size(), " budgets"), compress_app(),
               rehearsal);
    return kDone;
  }
  if (settings.train.run.folder.resume.empty())
    require_possible(session, rehearsal);

  RunFolder& folder = session.folder();
  folder.record(options);
  if (trains && !run_children(session, train_app(), training_arguments(options), std::vector{ChildRun{kDense, {}}}))
    return kStopped;
  std::vector<std::string> shared = compression_arguments(options);
  shared.push_back("--checkpoint=" + (trains ? (folder.path() / kDense).string() : settings.checkpoint));
  const auto summaries = run_children(session, compress_app(), shared, compressions);
  if (!summaries)
    return kStopped;
  const Json sweep = sweep_json(settings, budgets, compressions, *summaries);
  write_file_atomically(folder.file("sweep.json"), sweep.dump(1) + "\n");
  describe_next(folder, budgets);
  std::cout << '\n'
            << to_markdown(sweep_table(sweep)) << "\nreport in " << (folder.path() / "report.html").string() << '\n';
  session.publish(sweep);
  return kDone;
}

}  // namespace ockham::apps
