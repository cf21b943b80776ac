// Exit codes, messages, streams and signals of a program.
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "apps/cli/descriptors.h"
#include "apps/cli/stop.h"
#include "apps/runs/program.h"
#include "data/error.h"
#include "engine/error.h"
#include "engine/log.h"
#include "tests/apps/run_here.h"
#include "tests/support.h"

namespace ockham::apps {
namespace {

using test::Outcome;

Outcome run(std::vector<std::string> arguments, std::function<int(Session&)> work) {
  const auto declare = [](OptionTable& table) {
    declare_settings<ComputeSettings>(table);
    declare_settings<FolderSettings>(table);
  };
  const App app = {.name = "example", .purpose = "Shows.", .declare = declare, .run = std::move(work)};
  return test::run_here(app, std::move(arguments));
}

template <class Exception>
Outcome run_throwing() {
  return run({}, [](Session&) -> int { throw Exception("what happened"); });
}

int do_nothing(Session&) {
  return kDone;
}

nlohmann::json json_of(const std::filesystem::path& path) {
  std::ifstream file(path);
  return nlohmann::json::parse(file);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(main_frame)

BOOST_AUTO_TEST_CASE(every_class_of_error_has_its_exit_code_and_one_line) {
  BOOST_TEST(run({}, do_nothing).exit_code == 0);
  BOOST_TEST(run_throwing<Error>().exit_code == 1);
  BOOST_TEST(run_throwing<ShapeError>().exit_code == 1);
  BOOST_TEST(run_throwing<std::runtime_error>().exit_code == 1);
  BOOST_TEST(run_throwing<UsageError>().exit_code == 2);
  BOOST_TEST(run_throwing<DeviceError>().exit_code == 3);
  BOOST_TEST(run_throwing<DivergedError>().exit_code == 4);
  BOOST_TEST(run_throwing<data::DataError>().exit_code == 5);
  BOOST_TEST(run_throwing<CheckpointError>().exit_code == 6);
  BOOST_TEST(run_throwing<DivergedError>().err == "ockham-example: what happened\n");
  BOOST_TEST(run_throwing<DivergedError>().out.empty());
}

BOOST_AUTO_TEST_CASE(memory_and_internal_errors_say_what_to_do) {
  const Outcome no_memory = run({}, [](Session&) -> int { throw std::bad_alloc(); });
  BOOST_TEST(no_memory.exit_code == 1);
  BOOST_TEST(no_memory.err.find("not enough memory") != std::string::npos);
  BOOST_TEST(no_memory.err.find("ulimit -v") != std::string::npos);
  const Outcome no_thread = run({}, [](Session&) -> int {
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
  });
  BOOST_TEST(no_thread.exit_code == 1);
  BOOST_TEST(no_thread.err.find("no thread could be started") != std::string::npos);
  BOOST_TEST(no_thread.err.find("fewer --threads") != std::string::npos);
  const Outcome other = run(
      {}, [](Session&) -> int { throw std::system_error(std::make_error_code(std::errc::not_connected), "socket"); });
  BOOST_TEST(other.err.starts_with("ockham-example: socket: "));
  BOOST_TEST(run_throwing<std::logic_error>().err.find("report it: what happened") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(bad_options_end_with_2_before_any_work) {
  const Outcome outcome = run({"--sede=1"}, [](Session&) -> int { throw std::logic_error("work was begun"); });
  BOOST_TEST(outcome.exit_code == 2);
  BOOST_TEST(outcome.err == "ockham-example: Unknown option '--sede'. Did you mean 'seed'?\n");
}

BOOST_AUTO_TEST_CASE(missing_device_ends_with_3) {
  BOOST_TEST(run({"--device=cuda"}, do_nothing).exit_code == 3);
}

BOOST_AUTO_TEST_CASE(help_version_and_configuration_go_to_stdout) {
  const auto refuse_work = [](Session&) -> int { throw std::logic_error("work was begun"); };
  const Outcome help = run({"--help"}, refuse_work);
  BOOST_TEST(help.exit_code == 0);
  BOOST_TEST(help.out.starts_with("Usage: ockham-example [options]\nShows.\n"));
  BOOST_TEST(run({"--version"}, refuse_work).out.starts_with("ockham-example "));
  BOOST_TEST(run({"--print-config", "--seed=5"}, refuse_work).out.find("\nseed = 5\n") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(json_is_the_last_line_of_stdout_and_the_summary) {
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "run").string();
  const Outcome outcome = run({"--json", "--out", out}, [](Session& session) -> int {
    session.folder();
    session.log().line("working");
    std::cout << "accuracy 0.5\n";
    session.publish({{"accuracy", 0.5}});
    return kDone;
  });
  BOOST_TEST(outcome.out == "accuracy 0.5\n{\"accuracy\":0.5}\n");
  BOOST_TEST(outcome.err == "working\n");
  BOOST_TEST(json_of(out + "/summary.json")["accuracy"] == 0.5);
  BOOST_TEST(json_of(out + "/run.json")["exit"] == 0);
}

BOOST_AUTO_TEST_CASE(failed_run_leaves_exit_code_and_error_in_its_folder) {
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "run").string();
  const Outcome outcome = run({"--quiet", "--out", out}, [](Session& session) -> int {
    session.folder();
    session.log().line("working");
    log_message(LogLevel::kInfo, "many switches");
    throw DivergedError("loss is nan");
  });
  BOOST_TEST(outcome.exit_code == 4);
  BOOST_TEST(outcome.err == "ockham-example: loss is nan\n");
  BOOST_TEST(json_of(out + "/run.json")["exit"] == 4);
  BOOST_TEST(json_of(out + "/run.json")["error"] == "loss is nan");
  std::ifstream log(out + "/log.txt");
  BOOST_TEST(std::string(std::istreambuf_iterator<char>(log), {}) ==
             "working\ninfo: many switches\nockham-example: loss is nan\n");
}

BOOST_AUTO_TEST_CASE(a_run_whose_folder_vanishes_ends_with_1_and_one_line) {
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "run").string();
  const Outcome outcome = run({"--quiet", "--out", out}, [&](Session& session) -> int {
    session.folder();
    std::filesystem::remove_all(out);
    session.publish({{"accuracy", 0.5}});
    return kDone;
  });
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(outcome.err.find(out + " was removed") != std::string::npos);
  BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1);
  BOOST_TEST(!std::filesystem::exists(out));
}

BOOST_AUTO_TEST_CASE(what_follows_from_a_folder_that_vanished_is_told_as_that) {
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "run").string();
  const Outcome outcome = run({"--quiet", "--out", out}, [&](Session& session) -> int {
    session.folder();
    std::filesystem::rename(out, out + ".moved");
    throw CheckpointError("last.safetensors: does not exist");
  });
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(outcome.err.find(out + " was removed, renamed") != std::string::npos, outcome.err);
  BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1);
}

BOOST_AUTO_TEST_CASE(a_folder_that_vanishes_at_the_end_is_told_once) {
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "run").string();
  const Outcome outcome = run({"--quiet", "--out", out}, [&](Session& session) -> int {
    session.folder();
    std::filesystem::rename(out, out + ".moved");
    return kDone;
  });
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(std::ranges::count(outcome.err, '\n') == 1);
  BOOST_TEST(!std::filesystem::exists(out));
}

BOOST_AUTO_TEST_CASE(results_lost_on_a_full_disk_are_a_failure) {
  std::ofstream full("/dev/full");
  const Outcome outcome = run({}, [&](Session&) -> int {
    std::cout.rdbuf(full.rdbuf());
    std::cout << "accuracy 0.5\n";
    return kDone;
  });
  std::cout.clear();
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(outcome.err.find("standard output") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(first_signal_asks_to_stop_and_tells_how_to_go_on) {
  const test::TemporaryFolder folder;
  const std::string out = (folder.path() / "run").string();
  const Outcome outcome = run({"--out", out}, [](Session& session) -> int {
    session.folder();
    if (stop_requested())
      return kFailed;
    ::raise(SIGTERM);
    return stop_requested() ? kStopped : kDone;
  });
  BOOST_TEST(outcome.exit_code == 75);
  BOOST_TEST(outcome.err.find("ockham-example --resume " + out) != std::string::npos);
  BOOST_TEST(json_of(out + "/run.json")["exit"] == 75);
}

/// How a child ends that watches for signals, does this and returns 0 or, if asked to stop, 75.
int end_of(const std::function<void()>& work) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(STDERR_FILENO);  // what it says of the signals
    work();
    ::_exit(stop_requested() ? kStopped : kDone);
  }
  int status = 0;
  BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

int end_after(std::initializer_list<int> signals) {
  return end_of([&] {
    watch_stop_signals();
    for (const int signal : signals)
      ::raise(signal);
  });
}

BOOST_AUTO_TEST_CASE(every_signal_that_announces_an_end_asks_to_stop) {
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU})
    BOOST_TEST(end_after({signal}) == 75, signal);
  BOOST_TEST(end_after({}) == 0);
}

BOOST_AUTO_TEST_CASE(second_order_quits_at_once_with_128_plus_its_number) {
  BOOST_TEST(end_after({SIGINT, SIGINT}) == 128 + SIGINT);
  BOOST_TEST(end_after({SIGINT, SIGTERM}) == 128 + SIGTERM);
}

BOOST_AUTO_TEST_CASE(notices_repeat_and_go_with_an_order_without_ending_the_step) {
  BOOST_TEST(end_after({SIGXCPU, SIGXCPU, SIGXCPU}) == 75);  // the system repeats it every second
  BOOST_TEST(end_after({SIGHUP, SIGHUP}) == 75);             // of the kernel and of the shell
  BOOST_TEST(end_after({SIGTERM, SIGHUP}) == 75);            // as systemd sends them
  BOOST_TEST(end_after({SIGUSR1, SIGTERM}) == 75);           // a batch system's warning, then its end
}

BOOST_AUTO_TEST_CASE(notices_that_were_ignored_stay_ignored) {
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
    BOOST_TEST(end_of([&] {
                 ::signal(signal, SIG_IGN);  // as nohup does
                 watch_stop_signals();
                 ::raise(signal);
               }) == 0,
               signal);
  }
}

BOOST_AUTO_TEST_CASE(writes_to_closed_pipes_and_past_the_largest_file_fail_and_kill_nobody) {
  for (const int signal : {SIGPIPE, SIGXFSZ})
    BOOST_TEST(end_after({signal}) == 0, signal);
}

BOOST_AUTO_TEST_CASE(closed_standard_descriptors_are_opened_each_to_its_end) {
  const int first_free = ::open("/dev/null", O_RDONLY);  // 3, or more where the test was started with others open
  ::close(first_free);
  const int end = end_of([] {
    for (const int descriptor : {0, 1, 2})
      ::close(descriptor);
    secure_standard_descriptors();
    char byte = 0;
    const bool is_as_said = ::read(0, &byte, 1) == 0 && ::write(1, "x", 1) == -1 && ::write(2, "x", 1) == 1;
    ::_exit(is_as_said ? ::open("/dev/null", O_RDONLY) : 99);
  });
  BOOST_TEST(end == first_free);
}

BOOST_AUTO_TEST_CASE(open_standard_descriptors_are_left_alone) {
  std::array<int, 2> pipe{};
  BOOST_REQUIRE(::pipe(pipe.data()) == 0);
  BOOST_TEST(end_of([&] {
               ::dup2(pipe[1], 1);
               ::close(0);
               secure_standard_descriptors();
               ::_exit(::write(1, "x", 1) == 1 ? 0 : 99);
             }) == 0);
  char byte = 0;
  BOOST_TEST(::read(pipe[0], &byte, 1) == 1);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

BOOST_AUTO_TEST_CASE(line_that_could_not_be_written_does_not_silence_the_next) {
  std::ostringstream err;
  Log log(err, {});
  err.setstate(std::ios::badbit);
  log.line("one");
  BOOST_TEST(err.str() == "one\n");
}

BOOST_AUTO_TEST_CASE(variables_are_judged_before_the_work) {
  ::setenv("OCKHAM_SEDE", "3", 1);
  const Outcome outcome = run({"--quiet"}, do_nothing);
  ::unsetenv("OCKHAM_SEDE");
  BOOST_TEST(outcome.err == "warning: OCKHAM_SEDE is unknown. Did you mean OCKHAM_SEED?\n");
  BOOST_TEST(outcome.exit_code == 0);
}

BOOST_AUTO_TEST_SUITE_END()
}  // namespace ockham::apps
