#include "apps/runs/child_run.h"

#include <algorithm>
#include <iostream>

#include "apps/cli/text/format.h"
#include "apps/runs/folder/recorded_facts.h"
#include "engine/device_memory.h"
#include "engine/error.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

/// "--name" of "--name=value".
std::string_view option_of(std::string_view argument) {
  return argument.substr(0, argument.find('='));
}

/// @return kDone or kStopped
int run_child(Session& parent, const App& app, const std::vector<std::string>& shared, const ChildRun& child) {
  const fs::path folder = parent.folder().path() / child.name;
  // A folder without config.ini was left before the run began: as good as none.
  const bool is_begun = fs::exists(folder / "config.ini");
  std::vector<std::string> arguments = arguments_of(child, shared);
  arguments.push_back((is_begun ? "--resume=" : "--out=") + folder.string());
  if (!is_begun)
    arguments.emplace_back("--overwrite");
  Log log(std::cerr, parent.log().style());  // its own: it is kept in the log.txt of the child
  Session session = child_session(app, arguments, log);
  if (is_finished(folder))
    return kDone;  // with the same options, as the line above has made sure
  reset_memory_peak(chosen_device(read_settings<DeviceSettings>(session.options())));  // a run's peak is its own
  const int end = app.run(session);
  session.finish(end, "");
  return end;
}

}  // namespace

std::vector<std::int64_t> seeds_of(const std::string& text) {
  std::vector<std::int64_t> seeds;
  for (const std::string& part : split_list(text))
    seeds.push_back(parse_count(part).value());
  return seeds;
}

std::string seeds_complaint(const std::string& text) {
  std::vector<std::int64_t> seeds;
  for (const std::string& part : split_list(text)) {
    const auto seed = parse_count(part);
    if (!seed || *seed < 0)
      return concat("holds '", part, "', which is no seed; write numbers from 0 with commas, such as 1,2,3");
    if (std::ranges::find(seeds, *seed) != seeds.end())
      return concat("holds the seed ", *seed, " twice; it would give the same run again");
    seeds.push_back(*seed);
  }
  return "";
}

std::vector<std::string> arguments_of(const Options& options, const std::vector<std::string_view>& without) {
  std::vector<std::string> arguments = options.arguments();
  std::erase_if(arguments, [&](const std::string& argument) {
    return std::ranges::find(without, option_of(argument).substr(2)) != without.end();
  });
  return arguments;
}

std::vector<std::string> arguments_of(const ChildRun& child, const std::vector<std::string>& shared) {
  std::vector<std::string> arguments = child.arguments;
  for (const std::string& argument : shared) {
    if (std::ranges::find(child.arguments, option_of(argument), option_of) == child.arguments.end())
      arguments.push_back(argument);
  }
  return arguments;
}

bool is_finished(const fs::path& folder) {
  return fs::exists(folder / "summary.json");
}

Session child_session(const App& app, const std::vector<std::string>& arguments, Log& log) {
  return {app.name, table_of(app).parse(arguments, {}), log};
}

std::optional<std::vector<Json>> run_children(Session& parent, const App& app, const std::vector<std::string>& shared,
                                              const std::vector<ChildRun>& children) {
  const fs::path folder = parent.folder().path();
  if (!parent.folder().resumed()) {
    for (const ChildRun& child : children) {
      if (fs::exists(folder / child.name / "run.json"))
        fs::remove_all(folder / child.name);
    }
  }
  if (std::ranges::any_of(children, [&](const ChildRun& child) { return !is_finished(folder / child.name); }))
    parent.folder().describe("data", data_facts(open_recorded_splits(read_settings<DataSettings>(parent.options()),
                                                                     read_settings<RunSettings>(parent.options()))));
  std::vector<Json> summaries;
  for (const ChildRun& child : children) {
    const fs::path summary = folder / child.name / "summary.json";
    parent.log().line(concat("run ", summaries.size() + 1, " of ", children.size(), ": ", child.name));
    if (run_child(parent, app, shared, child) != kDone)
      return std::nullopt;
    summaries.push_back(read_json(summary));
  }
  return summaries;
}

}  // namespace ockham::apps
