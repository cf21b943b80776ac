#pragma once
// What a program says while it works: lines on stderr, kept in the run's log.txt, and one live line on a terminal.
#include <filesystem>
#include <fstream>
#include <mutex>
#include <ostream>
#include <string>
#include <string_view>

namespace ockham::apps {

/// How stderr is to be written to.
struct LogStyle {
  bool live = false;   // a terminal that can rewrite its last line
  bool color = false;  // a terminal that shows colours, and NO_COLOR is not set
  bool quiet = false;  // only errors
  std::size_t columns = 80;

  /// For the process's stderr, by isatty, TERM, NO_COLOR, the terminal's width and COLUMNS; not quiet.
  static LogStyle of_stderr();
};

/// May be used by several threads. The live line is always the last on the screen: other lines appear above it.
class Log {
 public:
  Log(std::ostream& out, LogStyle style) : out_(out), style_(style) {}
  ~Log() { live(""); }
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Appends all lines to this file as well, those said so far included; live lines are not kept. A failing disk ends
  /// the file with a message on stderr: losing the log is no reason to lose the run.
  void keep_in(const std::filesystem::path& file);
  /// One line; not printed when quiet, but kept.
  void line(std::string_view text);
  /// One line that is printed even when quiet, in red on a colour terminal.
  void error(std::string_view text);
  /// Replaces the live line, cut to the terminal's width; nothing happens elsewhere and when quiet. Empty removes it.
  void live(std::string_view text);

  void set_quiet(bool quiet) { style_.quiet = quiet; }
  /// Fixed but for `quiet`.
  const LogStyle& style() const { return style_; }

 private:
  void print(std::string_view text, bool red);
  void keep(std::string_view text);

  std::mutex mutex_;  // guards all below
  std::ostream& out_;
  LogStyle style_;
  std::string live_line_;
  std::string unkept_;  // said before there was a file
  std::ofstream file_;
  bool given_up_ = false;  // the file could not be written
};

}  // namespace ockham::apps
