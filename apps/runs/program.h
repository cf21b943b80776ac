#pragma once
// The frame of every program: options in, exit code out, one clear line for every error.
//
//   int run(Session& session, const CountSettings& settings);  // a struct that describes itself: engine/settings.h
//
//   int main(int argc, char** argv) {
//     return ockham::apps::run_main(argc, argv, ockham::apps::app_of("count", "Counts.", run));
//   }
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/cli/log.h"
#include "apps/cli/options/settings.h"
#include "apps/report/document.h"
#include "apps/runs/folder/run_folder.h"

namespace ockham::apps {

/// What a program's exit code says; 128 + n is left to signal n.
enum ExitCode : int {
  kDone = 0,
  kFailed = 1,             // at run time: full disk, no memory, a mistake of ours
  kUsage = 2,              // options, configuration, genotype
  kDeviceUnavailable = 3,  // device or backend
  kDiverged = 4,           // a loss or gradient is not finite
  kBadData = 5,            // data set or table missing or damaged
  kBadCheckpoint = 6,      // corrupt, or of another network
  kStopped = 75,           // on request, with a checkpoint to resume from
};

/// What a running program works with.
class Session {
 public:
  Session(std::string app, Options options, Log& log) : app_(std::move(app)), options_(std::move(options)), log_(log) {}

  const std::string& app() const { return app_; }
  const Options& options() const { return options_; }
  Log& log() { return log_; }
  /// The run's folder, opened (see RunFolder::open) by the first call; log.txt is kept in it from then on.
  RunFolder& folder();
  bool has_folder() const { return folder_.has_value(); }
  /// The results: summary.json in the folder if there is one, and with --json the last line of standard output. Call it
  /// last; what people read goes to std::cout before.
  void publish(const nlohmann::ordered_json& summary);
  /// The run has ended: in its folder's run.json, and in report.html (page/run_page.h), which has nothing to do with
  /// how it ended and so is no reason to fail. @param error empty for none
  void finish(int exit_code, const std::string& error);
  /// report.html is this and not the page of a run.
  void publish_page(const Document& page);

 private:
  std::string app_;
  Options options_;
  Log& log_;
  std::optional<RunFolder> folder_;
  bool has_own_page_ = false;
};

struct App {
  std::string name;     // "search" for the program ockham-search
  std::string purpose;  // a sentence for --help
  /// Declares options besides the general ones, which are there already.
  std::function<void(OptionTable&)> declare;
  /// Does the work. @return kDone, or kStopped after saving when stop_requested()
  std::function<int(Session&)> run;
};

/// The program that Settings tell what to do. @param declare declares them, and presets and the like
template <class Settings>
App app_of(
    std::string name, std::string purpose, int (*run)(Session&, const Settings&),
    std::function<void(OptionTable&)> declare = [](OptionTable& table) { declare_settings<Settings>(table); }) {
  return {.name = std::move(name),
          .purpose = std::move(purpose),
          .declare = std::move(declare),
          .run = [run](Session& session) { return run(session, read_settings<Settings>(session.options())); }};
}

/// The general options and those of the app.
OptionTable table_of(const App& app);

/// Reads the options, answers --help, --version and --print-config, sets the threads, watches for signals, runs the app
/// and closes its run folder. Every exception ends in one line on stderr and the exit code of its class.
int run_main(int argc, char** argv, const App& app);

}  // namespace ockham::apps
