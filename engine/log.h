#pragma once
// Messages of the libraries to whoever runs them. Results never go here: programs print those themselves.
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace ockham {

enum class LogLevel { kError, kWarning, kInfo, kDebug };

/// "error", "warning", "info" or "debug"; nothing for other text.
std::optional<LogLevel> parse_log_level(std::string_view name);
std::string_view name_of(LogLevel level);

/// Levels up to this one are logged. At first OCKHAM_LOG from the environment, else info.
LogLevel log_level();
void set_log_level(LogLevel level);

/// Takes one message, without a line break; called by one thread at a time.
using LogSink = std::function<void(LogLevel, std::string_view)>;
/// Sends messages elsewhere, e.g. to the screen and a file; an empty sink restores "level: message" on stderr. A sink
/// must not log.
void set_log_sink(LogSink sink);

/// Hands a message to the sink if its level is logged. Thread-safe.
void log_message(LogLevel level, std::string_view message);

/// log_text(LogLevel::kDebug, "conv2d ", shape): the pieces are put together only if they are logged.
template <Printable... Pieces>
void log_text(LogLevel level, const Pieces&... pieces) {
  if (level <= log_level())
    log_message(level, concat(pieces...));
}

}  // namespace ockham
