#include "apps/runs/run_folder.h"

#include <array>
#include <fstream>
#include <iterator>
#include <memory>

#include "apps/cli/host.h"
#include "apps/cli/json_text.h"
#include "apps/cli/version.h"
#include "engine/atomic_file.h"
#include "engine/cpu_features.h"
#include "engine/error.h"
#include "engine/parallel.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;

/// All that a run writes, in any program.
constexpr std::array kProducts = {
    "run.json", "config.ini",  "metrics.jsonl",   "genotype.json",  "genotype.txt",    "posterior.json", "cells",
    "cell.txt", "report.html", "candidates.json", "report.md",      "comparison.json", "checkpoints",    "summary.json",
    "log.txt",  "hessian.csv", "hessian.json",    "histogram.json", "histogram.svg"};

/// "runs/a/" as "runs/a", so that filename() is the name of the run.
fs::path without_slash(const fs::path& path) {
  return path.has_filename() ? path : path.parent_path();
}

/// Creates `path` and tells whether it is new. @throws Error with the system's reason
bool create_new(const fs::path& path) {
  std::error_code error;
  if (path.has_parent_path()) {
    fs::create_directories(path.parent_path(), error);
  }
  const bool created = !error && fs::create_directory(path, error);
  if (!created && !fs::exists(path)) {
    throw Error("run folder: creating " + path.string() + " failed: " + error.message() + ". Choose another --out.");
  }
  return created;
}

/// runs/APP-DATE-TIME-SEED, with a number behind it when another run began in the same second.
fs::path create_default(std::string_view app, const Options& options) {
  const std::string name = concat(app, "-", local_stamp(unix_seconds()), "-", options.count("seed"));
  fs::path path = fs::path("runs") / name;
  for (int number = 2; !create_new(path); ++number) {
    path = fs::path("runs") / concat(name, "-", number);
  }
  return path;
}

void remove_old_run(const fs::path& path) {
  if (!fs::exists(path / "run.json") && !(fs::is_directory(path) && fs::is_empty(path))) {
    throw UsageError(path.string() +
                     " is not the folder of a run (it has no run.json), so --overwrite leaves it alone. " +
                     "Choose another --out.");
  }
  const Metrics in_use(path / "metrics.jsonl", "");  // refuses while that run is going on
  for (const char* product : kProducts) {
    fs::remove_all(path / product);
  }
}

nlohmann::ordered_json host_facts() {
  return {{"cpu", cpu_model()}, {"cpu_features", cpu_features()}, {"environment", relevant_environment()}};
}

}  // namespace

RunFolder RunFolder::open(std::string_view app, const Options& options) {
  RunFolder folder;
  if (options.is_set("resume")) {
    folder.reopen(app, options);
  } else {
    folder.begin(app, options);
  }
  return folder;
}

void RunFolder::begin(std::string_view app, const Options& options) {
  path_ = without_slash(options.text("out"));
  if (path_.empty()) {
    path_ = create_default(app, options);
  } else if (!create_new(path_)) {
    if (!options.flag("overwrite")) {
      throw UsageError(path_.string() + " exists. Choose another --out, continue it with --resume " + path_.string() +
                       ", or replace it with --overwrite.");
    }
    remove_old_run(path_);
  }
  facts_ = {{"app", app},
            {"version", version()},
            {"commit", commit()},
            {"run", path_.filename().string()},
            {"options", options.json()},
            {"data", nullptr},
            {"device", nullptr},
            {"threads", thread_count()}};
  facts_.update(host_facts());
  facts_.update({{"start", utc_text(unix_seconds())}, {"end", nullptr}, {"exit", nullptr}, {"error", nullptr}});
  write_facts();  // first: what has a run.json can be overwritten
  write_file_atomically(path_ / "config.ini", options.ini());
  metrics_ = std::make_unique<Metrics>(path_ / "metrics.jsonl", path_.filename().string());
}

void RunFolder::reopen(std::string_view app, const Options& options) {
  path_ = without_slash(options.text("resume"));
  resumed_ = true;
  if (options.is_set("out") || options.flag("overwrite")) {
    throw UsageError("--resume " + path_.string() + " goes on in that folder; drop --out and --overwrite.");
  }
  std::ifstream file(path_ / "run.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  facts_ = nlohmann::ordered_json::parse(text, nullptr, false);
  if (!facts_.is_object() || !facts_.contains("app") || !facts_["app"].is_string()) {
    throw CheckpointError((path_ / "run.json").string() + " is missing or damaged; this run cannot be resumed. Start " +
                          "a new one with --config " + (path_ / "config.ini").string() + ".");
  }
  if (facts_["app"] != app) {
    throw UsageError(path_.string() + " is a run of ockham-" + facts_["app"].get<std::string>() + ", not of ockham-" +
                     std::string(app) + ". Give --resume one of its own runs.");
  }
  metrics_ = std::make_unique<Metrics>(path_ / "metrics.jsonl", path_.filename().string());
  auto& resumptions = facts_["resumed"];
  if (!resumptions.is_array()) {
    resumptions = nlohmann::ordered_json::array();
  }
  resumptions.push_back({{"start", utc_text(unix_seconds())}, {"version", version()}, {"commit", commit()}});
  facts_.update({{"threads", thread_count()}, {"end", nullptr}, {"exit", nullptr}, {"error", nullptr}});
  facts_.update(host_facts());
  write_facts();
}

fs::path RunFolder::file(const fs::path& name) const {
  std::error_code error;
  fs::create_directories((path_ / name).parent_path(), error);  // a failure shows when the file is opened
  return path_ / name;
}

void RunFolder::describe(const std::string& key, nlohmann::ordered_json value) {
  facts_[key] = std::move(value);
  write_facts();
}

void RunFolder::write_summary(const nlohmann::ordered_json& summary) {
  write_file_atomically(path_ / "summary.json", json_text(summary, 2) + "\n");
}

void RunFolder::finish(int exit_code, const std::string& error) {
  facts_["end"] = utc_text(unix_seconds());
  facts_["exit"] = exit_code;
  if (!error.empty()) {
    facts_["error"] = error;
  }
  write_facts();
}

void RunFolder::write_facts() {
  write_file_atomically(path_ / "run.json", json_text(facts_, 2) + "\n");
}

}  // namespace ockham::apps
