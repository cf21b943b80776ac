#include "apps/search/comparison/method_comparison.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iostream>

#include "apps/cli/options/spelling.h"
#include "apps/cli/text/format.h"
#include "apps/cli/text/json_text.h"
#include "apps/runs/child_run.h"
#include "apps/search/comparison/comparison_facts.h"
#include "apps/search/comparison/comparison_report.h"
#include "apps/search/option_use.h"
#include "apps/search/search_catalog.h"
#include "engine/atomic_file.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

std::string methods_complaint(const std::string& text) {
  const std::vector<std::string> known = method_names();
  std::vector<std::string> seen;
  for (const std::string& name : split_list(text)) {
    if (std::ranges::find(known, name) == known.end()) {
      std::string list;
      for (const std::string& method : known)
        list += (list.empty() ? "" : ", ") + method;
      const std::string nearest = nearest_name(name, known);
      return concat("holds '", name, "', which is none of ", list,
                    nearest.empty() ? std::string() : concat("; did you mean '", nearest, "'?"));
    }
    if (std::ranges::find(seen, name) != seen.end())
      return concat("holds '", name, "' twice; it would give the same runs again");
    seen.push_back(name);
  }
  return "";
}

/// An entry of --method-settings.
struct Setting {
  std::string method;
  std::string option;
  std::string argument;  // "--name=value"
};

/// Nothing for what is not "METHOD.OPTION=VALUE".
std::optional<Setting> parse_setting(const std::string& text) {
  const std::size_t dot = text.find('.');
  const std::size_t equals = text.find('=');
  if (dot == std::string::npos || equals == std::string::npos || equals < dot || equals + 1 == text.size())
    return std::nullopt;
  return Setting{text.substr(0, dot), text.substr(dot + 1, equals - dot - 1), "--" + text.substr(dot + 1)};
}

std::vector<Setting> settings_of(const Options& options) {
  std::vector<Setting> settings;
  if (options.is_set("method-settings")) {
    for (const std::string& text : split_list(options.text("method-settings"), ';'))
      settings.push_back(parse_setting(text).value());
  }
  return settings;
}

std::string settings_complaint(const std::string& text) {
  std::vector<std::string> seen;
  for (const std::string& part : split_list(text, ';')) {
    const std::optional<Setting> setting = parse_setting(part);
    if (!setting)
      return concat("holds '", part, "'; write METHOD.OPTION=VALUE, several with ';' between them");
    const std::string name = setting->method + '.' + setting->option;
    if (std::ranges::count(seen, name) > 0)
      return concat("holds ", name, " twice; keep one");
    seen.push_back(name);
  }
  return "";
}

/// That settings are of methods that run, and of options that one method may have for itself.
void check_settings(const Options& options, const App& app) {
  OptionTable table;
  app.declare(table);
  const std::vector<std::string> methods = split_list(options.text("methods"));
  for (const Setting& setting : settings_of(options)) {
    if (std::ranges::count(methods, setting.method) == 0)
      throw UsageError(concat("--method-settings: ", setting.method, " is not among --methods ",
                              options.text("methods"), "; drop its settings or add it."));
    constexpr std::array kOfAll{"method", "seed", "methods", "seeds", "method-settings", "space", "table"};
    const bool is_own = table.declares(setting.option) && table.at(setting.option).recorded &&
                        std::ranges::count(kOfAll, setting.option) == 0;
    if (!is_own)
      throw UsageError(concat("--method-settings: '", setting.option,
                              "' is not an option that a method can have for itself; see --help for what there is."));
  }
}

/// What is asked for, checked as far as options tell.
void check_request(const Options& options, const App& app) {
  if (!options.is_set("seeds"))
    throw UsageError("--methods needs --seeds, such as --seeds 1,2,3.");
  for (const char* single : {"method", "seed"}) {
    if (options.source(single) == Source::kCommandLine)
      throw UsageError(
          concat("--", single, " is of one search, --methods of several; drop it, and name all in --", single, "s."));
  }
  check_settings(options, app);
  if (!options.is_set("resume"))
    return;
  const fs::path file = fs::path(options.text("resume")) / "run.json";
  std::ifstream in(file);
  const Json run = Json::parse(in, nullptr, false);
  if (run.is_object() && run.value("/options/methods"_json_pointer, Json()).is_null())
    throw UsageError(concat(options.text("resume"), " holds one search and no comparison; drop --methods."));
}

std::vector<ChildRun> searches_of(const Options& options) {
  std::vector<ChildRun> searches;
  for (std::int64_t seed : seeds_of(options.text("seeds"))) {
    for (const std::string& method : split_list(options.text("methods"))) {
      searches.push_back({concat(method, "-seed", seed), {"--method=" + method, concat("--seed=", seed)}});
      for (const Setting& setting : settings_of(options)) {
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

Json facts_of(Session& session, const std::vector<std::string>& methods, const std::vector<ChildRun>& searches) {
  const Options& options = session.options();
  const fs::path& folder = session.folder().path();
  Json facts{
      {"format", 1},
      {"name", folder.filename().string()},
      {"space", options.text("space")},
      {"dataset", options.text("dataset")},
      {"seeds", seeds_of(options.text("seeds"))},
      {"epochs", options.count("epochs")},
      {"method_settings", options.text("method-settings")},
      {"batch_size", options.count("batch-size")},
      {"has_table", options.is_set("table")},
      {"methods", Json::array()},
      {"runs", Json::array()},
      {"command", concat("ockham-search --config ", shell_quoted((folder / "config.ini").string()), " --out DIR")},
      {"settings", options.ini()}};
  for (const std::string& name : methods) {
    const nas::MethodEntry& method = nas::find_method(name);
    facts["methods"].push_back({{"name", name}, {"batches", method.batches}, {"sees", method.sees}});
  }
  for (const ChildRun& search : searches)
    facts["runs"].push_back(run_facts(folder / search.name));
  return facts;
}

}  // namespace

void declare_comparison(OptionTable& table) {
  table.group("Comparison");
  Option& methods = table.text(
      "methods", "", "search by each of these in turn, with each of --seeds, and report on all; resuming may add some",
      "NAME,NAME,...");
  methods.complaint = methods_complaint;
  methods.free_on_resume = true;
  Option& seeds = table.text("seeds", "", "seeds of --methods, in place of --seed; resuming may add some", "N,N,...");
  seeds.complaint = seeds_complaint;
  seeds.free_on_resume = true;
  Option& settings =
      table.text("method-settings", "", "options that a method has otherwise than the rest; resuming may add some",
                 "METHOD.OPTION=VALUE;...");
  settings.complaint = settings_complaint;
  settings.free_on_resume = true;
}

int run_comparison(Session& session, const ComparedSearch& search) {
  const Options& options = session.options();
  check_request(options, search.app);
  const std::vector<std::string> methods = split_list(options.text("methods"));
  for (const std::string& line : unused_options(options, methods))
    session.log().line(line);
  const std::vector<ChildRun> searches = searches_of(options);
  const std::vector<std::string> shared =
      arguments_of(options, {"methods", "seeds", "method-settings", "method", "seed"});
  const bool is_plan = options.flag("dry-run");
  for (std::size_t i = 0; i < methods.size(); ++i) {
    if (options.is_set("resume") && is_finished(fs::path(options.text("resume")) / searches[i].name))
      continue;  // it has passed, and perhaps nothing is left to run that would need its data
    if (is_plan)
      std::cout << methods[i] << ", once a seed:\n";
    with_rehearsal(search.app, arguments_of(searches[i], shared), session.log(),
                   is_plan ? search.app.run : search.check);
  }
  if (is_plan)
    return kDone;

  RunFolder& folder = session.folder();
  // What a resumed comparison adds to its lists holds from now on.
  write_file_atomically(folder.file("config.ini"), options.ini());
  folder.describe("options", options.json());
  if (!run_children(session, search.app, shared, searches))
    return kStopped;
  const Json facts = facts_of(session, methods, searches);
  const Document report = comparison_report(facts);
  write_file_atomically(folder.file("comparison.json"), json_text(facts, 1) + "\n");
  write_file_atomically(folder.file("report.md"), to_markdown(report));
  write_file_atomically(folder.file("report.html"), to_html(report));
  std::cout << '\n'
            << to_markdown(methods_table(facts)) << "\nreport in " << (folder.path() / "report.html").string() << '\n';
  session.publish(facts);
  return kDone;
}

}  // namespace ockham::apps
