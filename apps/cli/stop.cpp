#include "apps/cli/stop.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <initializer_list>
#include <string_view>

namespace ockham::apps {
namespace {

volatile sig_atomic_t requested = 0;
volatile sig_atomic_t insisted = 0;

// Only async-signal-safe calls in the handlers; if stderr is gone, nothing is lost.
void say(std::string_view text) {
  const int interrupted_errno = errno;
  [[maybe_unused]] const ssize_t ignored = ::write(STDERR_FILENO, text.data(), text.size());
  errno = interrupted_errno;
}

void on_notice(int) {
  if (requested == 0)
    say("\nstopping after this step\n");
  requested = 1;
}

void on_order(int number) {
  if (insisted != 0)
    ::_exit(128 + number);
  requested = 1;
  insisted = 1;
  say("\nstopping after this step; once more to quit at once\n");
}

void handle(int signal, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;  // files in the middle of a read or write are not disturbed
  ::sigaction(signal, &action, nullptr);
}

bool is_ignored(int signal) {
  struct sigaction action {};
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void watch_stop_signals() {
  requested = 0;
  insisted = 0;
  for (const int signal : {SIGINT, SIGTERM})
    handle(signal, on_order);
  for (const int signal : {SIGHUP, SIGUSR1, SIGUSR2, SIGXCPU}) {
    if (!is_ignored(signal))
      handle(signal, on_notice);
  }
  for (const int signal : {SIGPIPE, SIGXFSZ})
    handle(signal, SIG_IGN);
}

bool stop_requested() {
  return requested != 0;
}

void check_stop() {
  if (stop_requested())
    throw Interrupted{};
}

}  // namespace ockham::apps
