#pragma once
// The folder of a run: what ran, with which options, what was measured and what came out.
// The files and their names are a contract with scripts; whole files appear whole or not at all.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "apps/cli/options/options.h"
#include "apps/runs/folder/metrics.h"
#include "apps/runs/settings.h"

namespace ockham::apps {

class RunFolder {
 public:
  /// Creates the folder that --out names (default runs/APP-DATE-TIME-SEED) with run.json, config.ini and an empty
  /// metrics.jsonl; or reopens the one that --resume names. --overwrite first removes what a run left in --out, and
  /// nothing else; a folder that holds nothing but what a run killed in its first moments leaves is as good as none.
  /// Temporary files of killed writers are removed.
  /// @throws UsageError if the folder exists, is no run to overwrite or resume, or is in use; it is then untouched
  /// @param options FolderSettings, or --out and --overwrite alone; --seed, and all that run.json and config.ini record
  /// @throws Error if it cannot be written, CheckpointError if run.json is damaged
  static RunFolder open(std::string_view app, const Options& options);

  /// What open() would refuse of --out, --resume and --overwrite: programs ask before the work that comes first.
  static void check(const FolderSettings& settings);
  static void check(const NewFolderSettings& settings);

  /// An option of the run in a folder as its run.json has it; null where that does not tell.
  /// @throws CheckpointError if run.json is damaged
  static nlohmann::ordered_json recorded_option(const std::filesystem::path& run, std::string_view name);

  const std::filesystem::path& path() const { return path_; }
  /// The path of a file in the folder such as "checkpoints/last.safetensors", whose own folder is created.
  /// @throws Error if the run's folder is no longer there: it is not made anew
  std::filesystem::path file(const std::filesystem::path& name) const;
  /// Is it still where it was opened, neither removed nor renamed?
  bool is_in_place() const { return metrics_->is_in_place(); }
  /// @throws Error if not
  void require_in_place() const { metrics_->require_in_place(); }
  bool resumed() const { return resumed_; }
  Metrics& metrics() { return *metrics_; }

  /// The options of a resumed run hold from now on, in run.json and config.ini, where they differ from the first ones.
  void record(const Options& options);
  /// Adds a fact to run.json, such as "data" with its digest.
  void describe(const std::string& key, nlohmann::ordered_json value);
  void write_summary(const nlohmann::ordered_json& summary);
  /// Adds the end, the exit code and the error (empty for none) to run.json.
  void finish(int exit_code, const std::string& error);

 private:
  RunFolder() = default;
  void begin(std::string_view app, const Options& options, const FolderSettings& settings);
  void reopen(std::string_view app, const Options& options, const FolderSettings& settings);
  /// @return whose run it is
  std::string read_facts();
  void write_facts();
  void write(const char* name, const nlohmann::ordered_json& json);

  std::filesystem::path path_;
  bool resumed_ = false;
  nlohmann::ordered_json facts_;
  std::unique_ptr<Metrics> metrics_;
};

}  // namespace ockham::apps
