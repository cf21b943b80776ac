#include "data/file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <string>
#include <system_error>

#include "data/error.h"

namespace ockham::data {
namespace {

struct OpenFile {
  int descriptor;
  ~OpenFile() {
    if (descriptor >= 0)
      ::close(descriptor);
  }
};

void write_all(int file, std::span<const std::uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR)
      throw std::system_error(errno, std::generic_category());
    bytes = bytes.subspan(static_cast<std::size_t>(written < 0 ? 0 : written));
  }
  if (::fsync(file) != 0)
    throw std::system_error(errno, std::generic_category());
}

}  // namespace

std::vector<std::uint8_t> read_file(std::string_view who, const std::filesystem::path& path, std::uint64_t limit) {
  const std::string name = std::string(who) + ": " + path.string();
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error))
    throw DataError(name + (std::filesystem::exists(path, error) ? " is not a regular file." : " does not exist."));
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error)
    throw DataError(name + " cannot be read: " + error.message() + ".");
  if (size > limit)
    throw DataError(name + " has " + std::to_string(size) + " bytes, more than the limit of " + std::to_string(limit) +
                    "; is it the right file?");
  std::ifstream in(path, std::ios::binary);
  if (!in)
    throw DataError(name + " cannot be opened: " + std::generic_category().message(errno) + ".");
  std::vector<std::uint8_t> bytes(size);
  in.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
  if (static_cast<uintmax_t>(in.gcount()) != size)
    throw DataError(name + " gave " + std::to_string(in.gcount()) + " of " + std::to_string(size) +
                    " bytes; does another program write it, or is the disk failing?");
  return bytes;
}

std::span<const std::uint8_t> read_beginning(std::string_view who, const std::filesystem::path& path,
                                             std::span<std::uint8_t> buffer) {
  const OpenFile file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  const ssize_t size = file.descriptor < 0 ? -1 : ::pread(file.descriptor, buffer.data(), buffer.size(), 0);
  if (size < 0)
    throw DataError(std::string(who) + ": " + path.string() +
                    " cannot be read: " + std::generic_category().message(errno) + ".");
  return buffer.first(static_cast<std::size_t>(size));
}

void write_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  const std::filesystem::path temporary = path.string() + ".tmp" + std::to_string(::getpid());
  try {
    const OpenFile file{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644)};
    if (file.descriptor < 0)
      throw std::system_error(errno, std::generic_category());
    write_all(file.descriptor, bytes);
    std::filesystem::rename(temporary, path);
  } catch (const std::system_error& e) {
    std::error_code ignored;
    std::filesystem::remove(temporary, ignored);
    throw std::runtime_error(path.string() + " (" + std::to_string(bytes.size()) +
                             " bytes) cannot be written: " + e.code().message() + ".");
  }
}

}  // namespace ockham::data
