#include "engine/log.h"

#include <cstdlib>
#include <filesystem>
#include <thread>
#include <vector>

#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

/// Collects what is logged; restores level and sink.
struct Fixture {
  Fixture() {
    set_log_sink([this](LogLevel level, std::string_view text) { lines.push_back(concat(name_of(level), "|", text)); });
  }
  ~Fixture() {
    set_log_level(before);
    set_log_sink({});
  }
  Fixture(const Fixture&) = delete;
  Fixture& operator=(const Fixture&) = delete;

  const LogLevel before = log_level();
  std::vector<std::string> lines;
};

struct Counted {
  int& prints;
};
std::ostream& operator<<(std::ostream& out, const Counted& c) {
  ++c.prints;
  return out << "counted";
}

BOOST_FIXTURE_TEST_SUITE(log, Fixture)

BOOST_AUTO_TEST_CASE(messages_up_to_the_level_reach_the_sink) {
  set_log_level(LogLevel::kWarning);
  for (LogLevel level : {LogLevel::kError, LogLevel::kWarning, LogLevel::kInfo, LogLevel::kDebug})
    log_text(level, "n=", 3);
  BOOST_TEST((lines == std::vector<std::string>{"error|n=3", "warning|n=3"}));
}

BOOST_AUTO_TEST_CASE(messages_that_are_not_wanted_are_not_put_together) {
  set_log_level(LogLevel::kInfo);
  int prints = 0;
  log_text(LogLevel::kDebug, Counted{prints});
  BOOST_TEST(prints == 0);
  log_text(LogLevel::kInfo, Counted{prints});
  BOOST_TEST(prints == 1);
}

BOOST_AUTO_TEST_CASE(level_names_are_parsed_and_others_are_not) {
  for (LogLevel level : {LogLevel::kError, LogLevel::kWarning, LogLevel::kInfo, LogLevel::kDebug})
    BOOST_TEST((parse_log_level(name_of(level)) == level));
  BOOST_TEST(!parse_log_level("loud").has_value());
}

BOOST_AUTO_TEST_CASE(threads_take_turns_at_the_sink) {
  set_log_level(LogLevel::kInfo);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([] {
      for (int i = 0; i < 200; ++i)
        log_text(LogLevel::kInfo, "line");
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  BOOST_TEST(lines.size() == 800u);
}

// The environment is read when the program first logs, so each setting runs in a program of its own.
BOOST_AUTO_TEST_CASE(the_environment_sets_the_level_and_stderr_is_the_default_sink) {
  if (std::getenv("OCKHAM_LOG_TEST_CHILD") != nullptr) {
    set_log_sink({});
    log_text(LogLevel::kInfo, "hello");
    log_text(LogLevel::kDebug, "details");
    return;
  }
  const test::TemporaryFolder folder;
  const auto said = [&](std::string_view level) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const auto out = folder.path() / "stderr";
    std::system(concat("OCKHAM_LOG_TEST_CHILD=1 OCKHAM_LOG=", level, " '", program,
                       "' --run_test=log/the_environment_sets_the_level_and_stderr_is_the_default_sink 2> ",
                       out.string(), " > /dev/null")
                    .c_str());
    return test::contents(out);
  };
  const auto has = [](const std::string& text, std::string_view part) { return text.find(part) != std::string::npos; };
  BOOST_TEST(!has(said("warning"), "hello"));
  BOOST_TEST(has(said("info"), "info: hello\n"));
  BOOST_TEST(!has(said("info"), "details"));
  BOOST_TEST(has(said("debug"), "debug: details\n"));
  BOOST_TEST(has(said("loud"), "OCKHAM_LOG='loud' is unknown"));
  BOOST_TEST(has(said("loud"), "info: hello\n"));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
