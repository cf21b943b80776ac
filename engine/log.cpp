#include "engine/log.h"

#include <array>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>

namespace ockham {
namespace {

constexpr std::array<std::string_view, 4> kNames{"error", "warning", "info", "debug"};

void print(LogLevel level, std::string_view message) {
  // One write for the whole line, so that lines of several processes on one terminal do not mix.
  std::cerr << concat(name_of(level), ": ", message, "\n");
}

LogLevel level_of_environment() {
  const char* text = std::getenv("OCKHAM_LOG");
  if (text == nullptr)
    return LogLevel::kInfo;
  const std::optional<LogLevel> level = parse_log_level(text);
  if (!level)
    print(LogLevel::kWarning,
          concat("log: OCKHAM_LOG='", text, "' is unknown, using info; write error, warning, info or debug."));
  return level.value_or(LogLevel::kInfo);
}

std::atomic<LogLevel>& current_level() {
  static std::atomic<LogLevel> level{level_of_environment()};
  return level;
}

struct Sink {
  std::mutex mutex;
  LogSink function = print;
};

Sink& current_sink() {
  static Sink* sink = new Sink;  // never destroyed: destructors of other statics may log
  return *sink;
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name)
      return static_cast<LogLevel>(i);
  }
  return std::nullopt;
}

std::string_view name_of(LogLevel level) {
  return kNames[static_cast<std::size_t>(level)];
}

LogLevel log_level() {
  return current_level().load(std::memory_order_relaxed);
}

void set_log_level(LogLevel level) {
  current_level().store(level, std::memory_order_relaxed);
}

void set_log_sink(LogSink sink) {
  const std::lock_guard lock(current_sink().mutex);
  current_sink().function = sink ? std::move(sink) : print;
}

void log_message(LogLevel level, std::string_view message) {
  if (level > log_level())
    return;
  const std::lock_guard lock(current_sink().mutex);
  current_sink().function(level, message);
}

}  // namespace ockham
