#include "apps/search/comparison/method_comparison.h"

#include <algorithm>
#include <array>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/cli/text/json_text.h"
#include "apps/runs/child_run.h"
#include "apps/search/comparison/comparison_facts.h"
#include "apps/search/comparison/comparison_report.h"
#include "apps/search/option_use.h"
#include "apps/search/search_settings.h"
#include "engine/atomic_file.h"
#include "engine/error.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
namespace nb201 = nas::nasbench201;
using Json = nlohmann::ordered_json;

/// That settings are of methods that run, and of options that one method may have for itself.
void check_settings(const ComparisonSettings& comparison, const App& app) {
  OptionTable table = table_of(app);
  const std::vector<std::string> methods = split_list(comparison.methods);
  for (const MethodSetting& setting : method_settings_of(comparison)) {
    if (std::ranges::count(methods, setting.method) == 0)
      throw UsageError(concat("--method-settings: ", setting.method, " is not among --methods ", comparison.methods,
                              "; drop its settings or add it."));
    constexpr std::array kOfAll{"method", "seed", "methods", "seeds", "method-settings", "space", "table"};
    const bool is_own = table.declares(setting.option) && table.at(setting.option).recorded &&
                        std::ranges::count(kOfAll, setting.option) == 0;
    if (!is_own)
      throw UsageError(concat("--method-settings: '", setting.option,
                              "' is not an option that a method can have for itself; see --help for what there is."));
  }
}

/// What is asked for, checked as far as options tell.
void check_request(const Options& options, const SearchSettings& settings, const App& app) {
  if (settings.comparison.seeds.empty())
    throw UsageError("--methods needs --seeds, such as --seeds 1,2,3.");
  for (const char* single : {"method", "seed"}) {
    if (options.source(single) == Source::kCommandLine)
      throw UsageError(
          concat("--", single, " is of one search, --methods of several; drop it, and name all in --", single, "s."));
  }
  check_settings(settings.comparison, app);
  const std::string& resumed = settings.run().folder.resume;
  if (!resumed.empty() && RunFolder::recorded_option(resumed, "methods").is_null())
    throw UsageError(concat(resumed, " holds one search and no comparison; drop --methods."));
}

std::vector<ChildRun> searches_of(const ComparisonSettings& comparison) {
  std::vector<ChildRun> searches;
  for (std::int64_t seed : seeds_of(comparison.seeds)) {
    for (const std::string& method : split_list(comparison.methods)) {
      searches.push_back({concat(method, "-seed", seed), {"--method=" + method, concat("--seed=", seed)}});
      for (const MethodSetting& setting : method_settings_of(comparison)) {
        if (setting.method == method)
          searches.back().arguments.push_back(setting.argument);
      }
    }
  }
  return searches;
}

/// A session of a search that need have no folder: for what comes before its first step.
template <class Use>
void with_rehearsal(const App& app, std::vector<std::string> arguments, Log& log, Use use) {
  arguments.emplace_back("--dry-run");
  Session session = child_session(app, arguments, log);
  use(session);
}

/// Of a cell drawn without preference, by column; null without a table.
Json mean_of_random(const std::string& table) {
  if (table.empty())
    return nullptr;
  const auto known = nb201::Table::load(table);
  Json means;
  for (std::size_t c = 0; c < nb201::kColumns.size(); ++c)
    means[std::string(nb201::kColumns[c])] = known.mean(static_cast<nb201::Column>(c));
  return means;
}

Json facts_of(Session& session, const SearchSettings& settings, const std::vector<ChildRun>& searches) {
  const fs::path& folder = session.folder().path();
  Json facts{
      {"format", 1},
      {"name", folder.filename().string()},
      {"space", settings.space},
      {"dataset", settings.dataset()},
      {"seeds", seeds_of(settings.comparison.seeds)},
      {"epochs", settings.epochs},
      {"method_settings", settings.comparison.method_settings},
      {"batch_size", settings.images.batch_size},
      {"has_table", !settings.table.empty()},
      {"random_mean", mean_of_random(settings.table)},
      {"methods", Json::array()},
      {"runs", Json::array()},
      {"command", concat("ockham-search --config ", shell_quoted((folder / "config.ini").string()), " --out DIR")},
      {"settings", session.options().ini()}};
  for (const std::string& name : split_list(settings.comparison.methods)) {
    const nas::MethodEntry& method = nas::find_method(name);
    facts["methods"].push_back({{"name", name}, {"batches", method.batches}, {"sees", method.sees}});
  }
  for (const ChildRun& search : searches)
    facts["runs"].push_back(run_facts(folder / search.name));
  return facts;
}

}  // namespace

int run_comparison(Session& session, const SearchSettings& settings, const ComparedSearch& search) {
  const Options& options = session.options();
  check_request(options, settings, search.app);
  const std::vector<std::string> methods = split_list(settings.comparison.methods);
  for (const std::string& line : unused_options(options, settings.space, methods))
    session.log().line(line);
  const std::vector<ChildRun> searches = searches_of(settings.comparison);
  const std::vector<std::string> shared =
      arguments_of(options, {"methods", "seeds", "method-settings", "method", "seed"});
  const FolderSettings& asked = settings.run().folder;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (!asked.resume.empty() && is_finished(fs::path(asked.resume) / searches[i].name))
      continue;  // it has passed, and perhaps nothing is left to run that would need its data
    if (asked.dry_run)
      std::cout << methods[i] << ", once a seed:\n";
    with_rehearsal(search.app, arguments_of(searches[i], shared), session.log(),
                   asked.dry_run ? search.app.run : search.check);
  }
  if (asked.dry_run)
    return kDone;

  RunFolder& folder = session.folder();
  folder.record(options);
  if (!run_children(session, search.app, shared, searches))
    return kStopped;
  const Json facts = facts_of(session, settings, searches);
  const Document report = comparison_report(facts);
  write_file_atomically(folder.file("comparison.json"), json_text(facts, 1) + "\n");
  write_file_atomically(folder.file("report.md"), to_markdown(report));
  session.publish_page(report);
  std::cout << '\n' << to_markdown(methods_table(facts));
  if (const TextTable margins = margins_table(facts); !margins.rows.empty())
    std::cout << '\n' << to_markdown(margins) << margins_note() << '\n';
  std::cout << "\nreport in " << (folder.path() / "report.html").string() << '\n';
  session.publish(facts);
  return kDone;
}

}  // namespace ockham::apps
