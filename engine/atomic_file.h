#pragma once
// Files that readers see whole or not at all: written under a temporary name in the same folder, flushed to the disk,
// then renamed over the old one. A crash or a full disk leaves the old file as it was.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string_view>

namespace ockham {

/// Replaces `path` by a file of these bytes.
/// @throws Error with the path, the system's reason and the bytes wanted; the old file is then untouched
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes);

/// What to do about a file that could not be written, for the end of a sentence. @param error of errno
std::string_view write_remedy(int error);

/// Is this the temporary file of a writer that was killed: NAME.tmpPID, where no process PID is alive or it is this
/// one? To be asked where no AtomicFile of this process is open, as a process may get the number of a dead one.
bool is_abandoned_temporary(const std::filesystem::path& path);

/// The same piece by piece, for files that should not be held in memory. Without commit() nothing is left behind.
class AtomicFile {
 public:
  /// Opens the temporary file. @throws Error if the folder is missing or not writable
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. @throws Error, after which the temporary file is gone
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text) { write(std::as_bytes(std::span(text))); }
  /// Flushes, renames and flushes the folder; the last call on this object. @throws Error
  void commit();

 private:
  void sync_folder();
  void discard() noexcept;
  [[noreturn]] void fail(std::string_view what);

  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty once renamed or removed
  int descriptor_ = -1;
  std::uint64_t wanted_ = 0;
  std::uint64_t written_ = 0;
};

}  // namespace ockham
