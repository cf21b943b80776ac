#pragma once
// A file of tensors being read: every read is checked against the size, so that a parser can treat it as hostile.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>

#include "engine/error.h"

namespace ockham {

class InputFile {
 public:
  /// `format` begins the error messages ("safetensors").
  /// @throws CheckpointError unless `path` is a regular file that can be read: pipes would block, folders are no files
  InputFile(std::string_view format, const std::filesystem::path& path);

  std::uint64_t size() const { return size_; }
  std::uint64_t remaining() const { return size_ - position_; }
  /// Fills `bytes`. @throws CheckpointError if fewer are left
  void read(std::span<std::byte> bytes);
  /// The next `count` bytes as text; memory is taken only once they are known to be there.
  std::string read_text(std::uint64_t count);
  void seek(std::uint64_t position);

  /// Refuses the file: "safetensors: PATH: " and the pieces.
  template <Printable... Pieces>
  [[noreturn]] void refuse(const Pieces&... pieces) const {
    throw CheckpointError(concat(name_, ": ", pieces...));
  }

 private:
  std::string name_;
  std::ifstream in_;
  std::uint64_t size_ = 0;
  std::uint64_t position_ = 0;
};

}  // namespace ockham
