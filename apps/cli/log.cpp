#include "apps/cli/log.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

#include "apps/cli/text/format.h"

namespace ockham::apps {
namespace {

constexpr std::string_view kEraseLine = "\r\x1b[K";
constexpr std::string_view kRed = "\x1b[31m";
constexpr std::string_view kPlain = "\x1b[0m";

std::string_view environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::size_t stderr_columns() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  const auto columns = parse_count(environment("COLUMNS")).value_or(0);
  return columns > 0 ? static_cast<std::size_t>(columns) : LogStyle().columns;
}

}  // namespace

LogStyle LogStyle::of_stderr() {
  const bool live = ::isatty(STDERR_FILENO) == 1 && environment("TERM") != "dumb";
  return {.live = live, .color = live && environment("NO_COLOR").empty(), .quiet = false, .columns = stderr_columns()};
}

void Log::keep_in(const std::filesystem::path& file) {
  const std::lock_guard lock(mutex_);
  file_.open(file, std::ios::app);
  const std::string early = std::move(unkept_);
  unkept_.clear();
  file_ << early << std::flush;
}

void Log::line(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (!style_.quiet)
    print(text, false);
  keep(text);
}

void Log::error(std::string_view text) {
  const std::lock_guard lock(mutex_);
  print(text, style_.color);
  keep(text);
}

void Log::live(std::string_view text) {
  const std::lock_guard lock(mutex_);
  if (!style_.live || style_.quiet || (text.empty() && live_line_.empty()))
    return;
  live_line_ = text.substr(0, style_.columns - 1);  // a full last column would wrap
  out_ << kEraseLine << live_line_ << std::flush;
}

void Log::print(std::string_view text, bool red) {
  out_.clear();  // a line that could not be written, to a full disk or a closed pipe, is no reason to drop the next
  out_ << (live_line_.empty() ? "" : kEraseLine) << (red ? kRed : "") << text << (red ? kPlain : "") << '\n';
  out_ << live_line_ << std::flush;
}

void Log::keep(std::string_view text) {
  if (given_up_)
    return;
  if (!file_.is_open()) {
    unkept_.append(text).push_back('\n');
    return;
  }
  if (!(file_ << text << std::endl)) {
    given_up_ = true;
    print("log.txt cannot be written any more; the run goes on without it", false);
  }
}

}  // namespace ockham::apps
