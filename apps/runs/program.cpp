#include "apps/runs/program.h"

#include <exception>
#include <iostream>
#include <new>
#include <system_error>

#include "apps/cli/descriptors.h"
#include "apps/cli/stop.h"
#include "apps/cli/text/json_text.h"
#include "apps/cli/version.h"
#include "apps/runs/page/run_page.h"
#include "apps/runs/settings.h"
#include "data/cores.h"
#include "data/error.h"
#include "engine/atomic_file.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/error.h"
#include "engine/log.h"
#include "engine/parallel.h"
#include "nas/spaces/nasbench201/table.h"
#include "ops/conv2d/conv2d.h"

namespace ockham::apps {
namespace {

constexpr const char* kPage = "report.html";

struct Failure {
  int exit_code;
  std::string message;
};

/// Exit code and message of the exception being handled.
Failure current_failure() {
  try {
    throw;
  } catch (const UsageError& e) {
    return {kUsage, e.what()};
  } catch (const DeviceError& e) {
    return {kDeviceUnavailable, e.what()};
  } catch (const DivergedError& e) {
    return {kDiverged, e.what()};
  } catch (const data::DataError& e) {
    return {kBadData, e.what()};
  } catch (const nas::nasbench201::TableError& e) {
    return {kBadData, e.what()};
  } catch (const CheckpointError& e) {
    return {kBadCheckpoint, e.what()};
  } catch (const std::bad_alloc&) {
    return {kFailed,
            "not enough memory. Use a smaller --batch-size or network (--dry-run tells what is needed), or raise the "
            "limit (ulimit -v, or that of the container)."};
  } catch (const std::system_error& e) {
    if (e.code() != std::errc::resource_unavailable_try_again)
      return {kFailed, e.what()};
    return {
        kFailed,
        "no thread could be started: the limit on memory (ulimit -v) or processes (ulimit -u) is reached. Raise it, "
        "or use fewer --threads."};
  } catch (const std::logic_error& e) {
    return {kFailed, std::string("internal error, please report it: ") + e.what()};
  } catch (const std::exception& e) {
    return {kFailed, e.what()};
  }
}

/// That of a session; where its folder is gone, it is that: other failures follow from it.
Failure current_failure(Session& session) {
  const Failure failure = current_failure();
  if (!session.has_folder() || (failure.exit_code != kFailed && failure.exit_code != kBadCheckpoint))
    return failure;
  try {
    session.folder().require_in_place();
  } catch (...) {
    return current_failure();
  }
  return failure;
}

int report(Log& log, const std::string& program, const Failure& failure) {
  const std::size_t end = failure.message.find_last_not_of('\n') + 1;
  log.error(program + ": " + failure.message.substr(0, end));
  return failure.exit_code;
}

/// Results that could not be written are no results: a full disk behind `>` must not look like success.
/// @param elsewhere the file that holds them too, if there is one
void flush_results(const std::string& elsewhere = "") {
  if (!std::cout.flush())
    throw Error("standard output cannot be written; the results are " +
                (elsewhere.empty() ? "lost. Make room there and run again." : "in " + elsewhere + " alone."));
}

/// While it lives, messages of the libraries go through the program's log.
class LibraryMessages {
 public:
  explicit LibraryMessages(Log& log) {
    set_log_sink([&log](LogLevel level, std::string_view text) {
      const std::string line = concat(name_of(level), ": ", text);
      level <= LogLevel::kWarning ? log.error(line) : log.line(line);
    });
  }
  ~LibraryMessages() { set_log_sink({}); }
  LibraryMessages(const LibraryMessages&) = delete;
  LibraryMessages& operator=(const LibraryMessages&) = delete;
};

/// Answers the options that replace the work. @return whether there was one
bool answer(const GeneralSettings& asked, const OptionTable& table, const Options& options, const std::string& program,
            const App& app) {
  if (asked.help)
    std::cout << table.help(program, app.purpose);
  else if (asked.version)
    std::cout << program << ' ' << version() << (*commit() == '\0' ? "" : " ") << commit() << '\n';
  else if (asked.print_config)
    std::cout << options.ini();
  else
    return false;
  return true;
}

void prepare(const PlaceSettings& settings) {
  if (settings.threads > 0)
    set_thread_count(static_cast<int>(settings.threads));
  Device::parse(settings.device);  // what is missing is told before any work
}

void limit_memory(const DeviceSettings& settings) {
  if (!settings.memory_limit)
    return;
  set_memory_limit(chosen_device(settings), *settings.memory_limit);
}

/// The device's mode is kFp32 where nothing else is asked for.
void choose_arithmetic(const DeviceSettings& settings) {
  set_precise_convolutions(settings.precise);
  if (settings.precision != NumberFormat::kTf32)
    return;
  const Device device = chosen_device(settings);
  if (device.is_cpu())
    throw UsageError(
        "--precision tf32 multiplies on the tensor cores of a GPU, but --device is cpu; use --device cuda, or fp32.");
  backend_of(device).set_math_mode(device.index, MathMode::kTf32);
}

/// Runs the app and records in its folder how it ended.
int run_session(const App& app, Session& session, const std::string& program) {
  Failure end = {kFailed, ""};
  try {
    with_thread_team([&] { end.exit_code = app.run(session); });
    flush_results(session.has_folder() ? (session.folder().path() / "summary.json").string() : "");
  } catch (...) {
    end = current_failure(session);
    report(session.log(), program, end);
  }
  if (!session.has_folder() || (end.exit_code != kDone && !session.folder().is_in_place()))
    return end.exit_code;
  if (end.exit_code == kStopped)
    session.log().line("stopped; go on with " + program + " --resume " + session.folder().path().string());
  try {
    session.finish(end.exit_code, end.message);
  } catch (...) {
    const int exit_code = report(session.log(), program, current_failure());
    return end.exit_code == kDone ? exit_code : end.exit_code;
  }
  return end.exit_code;
}

}  // namespace

OptionTable table_of(const App& app) {
  OptionTable table;
  declare_settings<GeneralSettings>(table);
  app.declare(table);
  return table;
}

RunFolder& Session::folder() {
  if (!folder_) {
    folder_ = RunFolder::open(app_, options_);
    log_.keep_in(folder_->file("log.txt"));
  }
  return *folder_;
}

void Session::publish(const nlohmann::ordered_json& summary) {
  if (folder_)
    folder_->write_summary(summary);
  if (read_settings<GeneralSettings>(options_).json)
    std::cout << json_text(summary) << '\n';
}

void Session::finish(int exit_code, const std::string& error) {
  folder().finish(exit_code, error);
  if (has_own_page_)
    return;
  try {
    write_file_atomically(folder().file(kPage), to_html(page_of(folder().path())));
  } catch (const std::exception& e) {
    log_.line(concat("warning: ", kPage, " was not written: ", e.what()));
  }
}

void Session::publish_page(const Document& page) {
  write_file_atomically(folder().file(kPage), to_html(page));
  has_own_page_ = true;
}

int run_main(int argc, char** argv, const App& app) {
  secure_standard_descriptors();
  const std::string program = "ockham-" + app.name;
  Log log(std::cerr, LogStyle::of_stderr());
  const LibraryMessages library_messages(log);
  try {
    const OptionTable table = table_of(app);
    const OptionTable::Environment environment = ockham_environment();
    Options options = table.parse({argv + 1, argv + argc}, environment);
    const auto general = read_settings<GeneralSettings>(options);
    log.set_quiet(general.quiet);
    table.tell_unknown(environment);
    if (answer(general, table, options, program, app)) {
      flush_results();
      return kDone;
    }
    if (table.declares("resume"))
      RunFolder::check(read_settings<FolderSettings>(options));
    if (table.declares("threads"))
      prepare(read_settings<PlaceSettings>(options));
    data::set_core_count(thread_count());
    if (table.declares("memory-limit")) {
      limit_memory(read_settings<DeviceSettings>(options));
      choose_arithmetic(read_settings<DeviceSettings>(options));
    }
    watch_stop_signals();
    Session session(app.name, std::move(options), log);
    return run_session(app, session, program);
  } catch (...) {
    return report(log, program, current_failure());
  }
}

}  // namespace ockham::apps
