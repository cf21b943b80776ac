#pragma once
// metrics.jsonl: one JSON object a line, on the disk line by line, and cut back to the checkpoint on resume.
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "apps/runs/folder/event_file.h"

namespace ockham::apps {

/// The fields of a line are those of the caller after v (1), t (Unix seconds) and run (the folder's name). Expected
/// names: phase, epoch, step, split, loss, top1, top5, lr, img_s, data_wait, mem_mb.
class Metrics {
 public:
  /// Opens the file to append, creating it if needed, and keeps others from writing to it.
  /// @throws Error if it cannot be opened, UsageError if another process has it open
  Metrics(std::filesystem::path path, std::string run);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  /// From here on the numbers of all lines are in an event file beside this one too, those of lines that are there
  /// included. @throws Error if it cannot be written
  void write_events();

  /// Writes a line; non-finite numbers become strings. @throws Error on a full disk, the file ending before that line
  void append(const nlohmann::ordered_json& fields);
  /// @throws Error if the folder of the file, or the file in it, is no longer the one that was opened
  void require_in_place() const;
  bool is_in_place() const;
  /// Waits until the disk has all lines. @return the file's length, for the checkpoint
  std::uint64_t sync();
  /// Forgets what was written after the checkpoint that holds `length`. Before write_events().
  /// @throws CheckpointError if the file is shorter or `length` is inside a line
  void cut_back(std::uint64_t length);

 private:
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path path_;
  std::string run_;
  int descriptor_ = -1;
  std::uint64_t length_ = 0;
  std::optional<EventFile> events_;
};

}  // namespace ockham::apps
