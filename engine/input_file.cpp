#include "engine/input_file.h"

namespace ockham {

InputFile::InputFile(std::string_view format, const std::filesystem::path& path)
    : name_(concat(format, ": ", path.string())) {
  std::error_code error;
  if (!std::filesystem::exists(path, error))
    refuse("does not exist; check the path.");
  if (!std::filesystem::is_regular_file(path, error))
    refuse("is not a regular file.");
  size_ = std::filesystem::file_size(path, error);
  in_.open(path, std::ios::binary);
  if (error || !in_)
    refuse("cannot be opened; check its permissions.");
}

void InputFile::read(std::span<std::byte> bytes) {
  if (bytes.size() > remaining())
    refuse("ends after ", size_, " bytes, but ", bytes.size(), " were to be read at byte ", position_,
           "; it may be cut off.");
  in_.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  if (!in_)
    refuse("could not be read at byte ", position_, "; does another program write it, or is the disk failing?");
  position_ += bytes.size();
}

std::string InputFile::read_text(std::uint64_t count) {
  if (count > remaining())
    refuse("ends after ", size_, " bytes, but ", count, " were to be read at byte ", position_, "; it may be cut off.");
  std::string text(count, '\0');
  read(std::as_writable_bytes(std::span(text)));
  return text;
}

void InputFile::seek(std::uint64_t position) {
  OCKHAM_ASSERT(position <= size_);
  in_.seekg(static_cast<std::streamoff>(position));
  position_ = position;
}

}  // namespace ockham
