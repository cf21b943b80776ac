#include "apps/cli/stop.h"

#include <signal.h>
#include <unistd.h>

namespace ockham::apps {
namespace {

volatile sig_atomic_t requested = 0;

void on_signal(int number) {
  if (requested != 0) {
    ::_exit(128 + number);
  }
  requested = 1;
  constexpr char kMessage[] = "\nstopping after this step; once more to quit at once\n";
  // Only async-signal-safe calls here; if stderr is gone, nothing is lost.
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
}

}  // namespace

void watch_stop_signals() {
  requested = 0;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;  // files in the middle of a read or write are not disturbed
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

bool stop_requested() {
  return requested != 0;
}

void check_stop() {
  if (stop_requested())
    throw Interrupted{};
}

}  // namespace ockham::apps
