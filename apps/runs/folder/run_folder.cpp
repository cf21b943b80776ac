#include "apps/runs/folder/run_folder.h"

#include <algorithm>
#include <array>
#include <memory>

#include "apps/cli/host.h"
#include "apps/cli/options/settings.h"
#include "apps/cli/text/json_text.h"
#include "apps/cli/version.h"
#include "engine/atomic_file.h"
#include "engine/cpu_features.h"
#include "engine/error.h"
#include "engine/json_file.h"
#include "engine/parallel.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kMetrics = "metrics.jsonl";
/// All that a run writes, in any program.
constexpr std::array kProducts = {
    "run.json",       "config.ini",    "metrics.jsonl", "genotype.json",    "genotype.txt",      "posterior.json",
    "cells",          "cell.txt",      "report.html",   "candidates.json",  "report.md",         "comparison.json",
    "checkpoints",    "summary.json",  "log.txt",       "predictions.json", "hessian.csv",       "hessian.json",
    "histogram.json", "histogram.svg", "rules.json",    "compression.json", "small.safetensors", "sweep.json"};

/// "runs/a/" as "runs/a", so that filename() is the name of the run.
fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

/// Creates `path` and tells whether it is new. @throws Error with the system's reason
bool create_new(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path())
    fs::create_directories(path.parent_path(), error);
  const bool created = !error && fs::create_directory(path, error);
  if (!created && !fs::exists(path))
    throw Error("run folder: creating " + path.string() + " failed: " + error.message() + ". Choose another --out.");
  return created;
}

/// runs/APP-DATE-TIME-SEED, with a number behind it when another run began in the same second.
fs::path create_default(std::string_view app, std::int64_t seed) {
  const std::string name = concat(app, "-", local_stamp(unix_seconds()), "-", seed);
  fs::path path = fs::path("runs") / name;
  for (int number = 2; !create_new(path); ++number)
    path = fs::path("runs") / concat(name, "-", number);
  return path;
}

/// The folders in a run's in which files are written.
constexpr std::array kOwnFolders = {"checkpoints", "cells"};

/// A temporary file, at the top of a run's folder, that a killed run left.
bool is_leftover(const fs::path& path) {
  return is_abandoned_temporary(path) && fs::is_regular_file(path) &&
         std::ranges::find(kProducts, path.stem()) != kProducts.end();
}

void remove_leftovers(const fs::path& run) {
  std::vector<fs::path> leftovers;
  for (const auto& entry : fs::directory_iterator(run)) {
    if (is_leftover(entry.path()))
      leftovers.push_back(entry.path());
  }
  for (const char* folder : kOwnFolders) {
    std::error_code none;
    for (const auto& entry : fs::directory_iterator(run / folder, none)) {
      if (is_abandoned_temporary(entry.path()))
        leftovers.push_back(entry.path());
    }
  }
  for (const fs::path& path : leftovers)
    fs::remove(path);
}

/// What a run leaves that is killed before its first whole file, or while that is written.
bool holds_only_leftovers(const fs::path& path) {
  return fs::is_directory(path) && std::ranges::all_of(fs::directory_iterator(path), [](const auto& entry) {
           return is_leftover(entry.path()) ||
                  (entry.path().filename() == kMetrics && entry.is_regular_file() && entry.file_size() == 0);
         });
}

/// @param resumes does the program have --resume?
/// @throws UsageError if a new run must not take the place of what is there
void require_replaceable(const fs::path& path, bool may_overwrite, bool resumes) {
  if (!fs::exists(path) || holds_only_leftovers(path))
    return;
  if (!may_overwrite)
    throw UsageError(path.string() + " exists. Choose another --out" +
                     (resumes ? ", continue it with --resume " + path.string() + "," : "") +
                     " or replace it with --overwrite.");
  if (!fs::exists(path / "run.json"))
    throw UsageError(path.string() +
                     " is not the folder of a run (it has no run.json), so --overwrite leaves it alone. " +
                     "Choose another --out.");
}

void refuse_two_folders(const FolderSettings& settings) {
  if (!settings.out.empty() || settings.overwrite)
    throw UsageError("--resume " + without_slash(settings.resume).string() +
                     " goes on in that folder; drop --out and --overwrite.");
}

void remove_old_run(const fs::path& path) {
  const Metrics in_use(path / kMetrics, "");  // refuses while that run is going on
  // run.json last: what was interrupted here can still be overwritten.
  std::for_each(kProducts.rbegin(), kProducts.rend(), [&](const char* product) { fs::remove_all(path / product); });
  EventFile::remove_all(path);
  remove_leftovers(path);
}

nlohmann::ordered_json host_facts() {
  return {{"cpu", cpu_model()}, {"cpu_features", cpu_features()}, {"environment", relevant_environment()}};
}

[[noreturn]] void refuse_damaged(const CheckpointError& e, const fs::path& run) {
  throw CheckpointError(concat(e.what(), " What describes this run is damaged, and it cannot be resumed. Start a ",
                               "new one with --config ", (run / "config.ini").string(), "."));
}

std::string device_text(const Options& options) {
  return text_of(chosen_device(read_settings<DeviceSettings>(options)));
}

}  // namespace

void RunFolder::check(const FolderSettings& settings) {
  if (!settings.resume.empty())
    refuse_two_folders(settings);
  else if (!settings.out.empty() && !settings.dry_run)
    require_replaceable(without_slash(settings.out), settings.overwrite, true);
}

void RunFolder::check(const NewFolderSettings& settings) {
  if (!settings.out.empty())
    require_replaceable(without_slash(settings.out), settings.overwrite, false);
}

RunFolder RunFolder::open(std::string_view app, const Options& options) {
  RunFolder folder;
  const auto settings = options.declares("resume") ? read_settings<FolderSettings>(options)
                                                   : FolderSettings{read_settings<NewFolderSettings>(options)};
  if (settings.resume.empty())
    folder.begin(app, options, settings);
  else
    folder.reopen(app, options, settings);
  return folder;
}

nlohmann::ordered_json RunFolder::recorded_option(const fs::path& run, std::string_view name) {
  using Json = nlohmann::ordered_json;
  const std::string file = (run / "run.json").string();
  try {
    return value_of<Json>(value_of<Json>(read_json(file), "options", file), name, file, nullptr);
  } catch (const CheckpointError& e) {
    refuse_damaged(e, run);
  }
}

void RunFolder::begin(std::string_view app, const Options& options, const FolderSettings& settings) {
  path_ = without_slash(settings.out);
  if (path_.empty()) {
    path_ = create_default(app, read_settings<ComputeSettings>(options).seed);
  } else if (!create_new(path_)) {
    require_replaceable(path_, settings.overwrite, options.declares("resume"));
    remove_old_run(path_);
  }
  facts_ = {{"app", app},
            {"version", version()},
            {"commit", commit()},
            {"run", path_.filename().string()},
            {"arguments", options.changed_arguments()},
            {"options", options.json()},
            {"data", nullptr},
            {"device", device_text(options)},
            {"threads", thread_count()}};
  facts_.update(host_facts());
  facts_.update({{"start", utc_text(unix_seconds())}, {"end", nullptr}, {"exit", nullptr}, {"error", nullptr}});
  // First: what has a run.json can be overwritten.
  write_file_atomically(path_ / "run.json", json_text(facts_, 2) + "\n");
  write_file_atomically(path_ / "config.ini", options.ini());
  metrics_ = std::make_unique<Metrics>(path_ / kMetrics, path_.filename().string());
}

void RunFolder::reopen(std::string_view app, const Options& options, const FolderSettings& settings) {
  path_ = without_slash(settings.resume);
  resumed_ = true;
  refuse_two_folders(settings);
  const std::string app_of_run = read_facts();
  if (app_of_run != app)
    throw UsageError(path_.string() + " is a run of ockham-" + app_of_run + ", not of ockham-" + std::string(app) +
                     ". Give --resume one of its own runs.");
  metrics_ = std::make_unique<Metrics>(path_ / kMetrics, path_.filename().string());
  remove_leftovers(path_);
  auto& resumptions = facts_["resumed"];
  if (!resumptions.is_array())
    resumptions = nlohmann::ordered_json::array();
  resumptions.push_back({{"start", utc_text(unix_seconds())}, {"version", version()}, {"commit", commit()}});
  facts_.update({{"device", device_text(options)},
                 {"threads", thread_count()},
                 {"end", nullptr},
                 {"exit", nullptr},
                 {"error", nullptr}});
  facts_.update(host_facts());
  write_facts();
}

std::string RunFolder::read_facts() {
  const std::string name = (path_ / "run.json").string();
  try {
    facts_ = read_json(name);
    return value_of<std::string>(facts_, "app", name);
  } catch (const CheckpointError& e) {
    refuse_damaged(e, path_);
  }
}

fs::path RunFolder::file(const fs::path& name) const {
  metrics_->require_in_place();
  std::error_code error;  // a failure shows when the file is opened
  if (name.has_parent_path())
    fs::create_directory(path_ / name.parent_path(), error);
  return path_ / name;
}

void RunFolder::record(const Options& options) {
  describe("options", options.json());
  write_file_atomically(file("config.ini"), options.ini());
}

void RunFolder::describe(const std::string& key, nlohmann::ordered_json value) {
  facts_[key] = std::move(value);
  write_facts();
}

void RunFolder::write_summary(const nlohmann::ordered_json& summary) {
  write("summary.json", summary);
}

void RunFolder::finish(int exit_code, const std::string& error) {
  facts_["end"] = utc_text(unix_seconds());
  facts_["exit"] = exit_code;
  if (!error.empty())
    facts_["error"] = error;
  write_facts();
}

void RunFolder::write_facts() {
  write("run.json", facts_);
}

void RunFolder::write(const char* name, const nlohmann::ordered_json& json) {
  write_file_atomically(file(name), json_text(json, 2) + "\n");
}

}  // namespace ockham::apps
