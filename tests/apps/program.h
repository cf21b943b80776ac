#pragma once
// Runs a built program as a user's shell would.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "tests/support.h"

namespace ockham::test {

struct Outcome {
  int exit_code = 0;  // 128 + n where signal n killed it
  std::string out, err;
};

inline std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

/// The JSON object in the last line of stdout.
inline nlohmann::json summary(const Outcome& outcome) {
  const std::size_t end = outcome.out.find_last_not_of('\n');
  const std::size_t begin = outcome.out.rfind('\n', end) + 1;
  return nlohmann::json::parse(outcome.out.substr(begin, end + 1 - begin));
}

/// metrics.jsonl without the fields that tell of time, memory and folder.
inline std::vector<nlohmann::json> metrics(const std::filesystem::path& run) {
  std::ifstream file(run / "metrics.jsonl");
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) {
    lines.push_back(nlohmann::json::parse(line));
    for (const char* changing : {"t", "run", "img_s", "data_wait", "mem_mb"})
      lines.back().erase(changing);
  }
  return lines;
}

/// `ockham-NAME arguments`, started in `folder`. The arguments are a piece of shell text, redirections included;
/// `before` is shell text that comes first, such as "ulimit -f 8;". Killed at the end of the scope.
class Program {
 public:
  Program(const std::filesystem::path& folder, const std::string& name, const std::string& arguments,
          const std::string& before = "")
      : out_(folder / (".out-" + name)), err_(folder / (".err-" + name)) {
    // Tests run beside each other: threads that wait must not take processors from those that work.
    const std::string command = "export OMP_WAIT_POLICY=passive; cd '" + folder.string() + "' && " + before +
                                " exec '" OCKHAM_BINARY_DIR "/bin/ockham-" + name + "' >'" + out_.string() + "' 2>'" +
                                err_.string() + "' " + arguments;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      ::_exit(127);
    }
  }
  ~Program() {
    if (pid_ > 0) {
      send(SIGKILL);
      wait();
    }
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  void send(int signal) { ::kill(pid_, signal); }
  /// Gives it no more than that of a resource (RLIMIT_AS and the like) from now on.
  void limit(int resource, std::size_t amount) {
    const rlimit limit{amount, amount};
    ::prlimit(pid_, static_cast<__rlimit_resource>(resource), &limit, nullptr);
  }
  /// Bytes of addresses that it has.
  std::size_t address_space() const {
    std::size_t pages = 0;
    std::ifstream("/proc/" + std::to_string(pid_) + "/statm") >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  }

  /// Looks often until `is_so`. @return false if the program has ended before
  bool wait_until(const std::function<bool()>& is_so) {
    while (!is_so()) {
      if (has_ended())
        return false;
      pause();
    }
    return true;
  }

  /// Waits for the end; kills what takes longer than five minutes.
  Outcome wait() {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::minutes(5);
    while (!has_ended()) {
      if (std::chrono::steady_clock::now() > limit)
        send(SIGKILL);
      pause();
    }
    pid_ = 0;
    Outcome outcome = {WIFSIGNALED(status_) ? 128 + WTERMSIG(status_) : WEXITSTATUS(status_), content(out_),
                       content(err_)};
    std::filesystem::remove(out_);
    std::filesystem::remove(err_);
    return outcome;
  }

 private:
  static void pause() { std::this_thread::sleep_for(std::chrono::milliseconds(1)); }
  bool has_ended() {
    if (!ended_ && ::waitpid(pid_, &status_, WNOHANG) == pid_)
      ended_ = true;
    return ended_;
  }

  std::filesystem::path out_, err_;
  ::pid_t pid_ = 0;
  int status_ = 0;
  bool ended_ = false;
};

inline Outcome run_program(const std::filesystem::path& folder, const std::string& name, const std::string& arguments,
                           const std::string& before = "") {
  return Program(folder, name, arguments, before).wait();
}

/// Did it end with this code and a message that holds all of these parts? Shows the message where not.
inline bool ends_with(const Outcome& outcome, int exit_code, std::initializer_list<std::string_view> parts) {
  bool is_so = outcome.exit_code == exit_code;
  for (std::string_view part : parts)
    is_so = is_so && contains(outcome.err, part);
  if (!is_so)
    BOOST_TEST_MESSAGE("exit code " << outcome.exit_code << ", message: " << outcome.err);
  return is_so;
}

/// Two CIFAR-10 records a file, labelled 1 and 2.
inline void write_small_cifar(const std::filesystem::path& folder) {
  for (const char* name :
       {"data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5", "test_batch"}) {
    std::ofstream file(folder / (std::string(name) + ".bin"), std::ios::binary);
    file << '\1' << std::string(3072, '\x40') << '\2' << std::string(3072, '\x80');
  }
}

}  // namespace ockham::test
