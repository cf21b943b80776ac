#pragma once
// TensorBoard's event file: a row of records, each led by its length and followed by a checksum, that hold protocol
// buffers of type Event (tensorboard/compat/proto/event.proto, tensorflow/core/lib/io/record_writer.cc).
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace ockham::apps {

/// CRC-32C (Castagnoli), reflected polynomial 0x82F63B78: 0xE3069283 of "123456789".
std::uint32_t crc32c(std::string_view bytes);

/// Length, masked checksum of the length, `event`, masked checksum of it.
std::string event_record(std::string_view event);
/// The event that every file begins with. @param wall_time Unix seconds
std::string version_event(double wall_time);
/// Tells a reader that has seen events of these steps before to forget them.
std::string restart_event(double wall_time);
/// The numbers of a line of metrics.jsonl. Tags are "loss/train", "top1/valid": the field and the line's split; what is
/// of the run (rate of learning, images a second, data wait, memory) is taken of its "train" lines, under the bare
/// name.
/// @return nothing for a line without numbers
std::optional<std::string> scalar_event(const nlohmann::ordered_json& line);

/// The event file of a run: what metrics.jsonl holds, once more. It is made anew of the lines that are there, so that
/// it never has a step twice, whatever happened to the run before.
class EventFile {
 public:
  /// Removes the event files of the folder and begins one, named events.out.tfevents.SECONDS.HOST.PID.
  /// @throws Error if it cannot be written
  explicit EventFile(std::filesystem::path folder);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  /// @throws Error on a full disk; what was not written is in metrics.jsonl, and here again after a resumption
  void append(const nlohmann::ordered_json& line);

  /// Is it the name of an event file?
  static bool is_name(const std::filesystem::path& path);
  static void remove_all(const std::filesystem::path& folder);

 private:
  void write(const std::string& record);
  [[noreturn]] void fail(const char* what) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

}  // namespace ockham::apps
