#include "engine/atomic_file.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace ockham {
namespace {

constexpr std::string_view kSuffix = ".tmp";

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

bool is_abandoned_temporary(const std::filesystem::path& path) {
  const std::string suffix = path.extension().string();
  ::pid_t process = 0;
  if (!suffix.starts_with(kSuffix) || path.stem().empty())
    return false;
  const char* end = suffix.data() + suffix.size();
  const auto [rest, error] = std::from_chars(suffix.data() + kSuffix.size(), end, process);
  if (error != std::errc() || rest != end || process <= 0)
    return false;
  return process == ::getpid() || (::kill(process, 0) != 0 && errno == ESRCH);
}

AtomicFile::AtomicFile(std::filesystem::path path)
    : path_(std::move(path)), temporary_(concat(path_.string(), kSuffix, ::getpid())) {
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    fail("opening");
}

AtomicFile::~AtomicFile() {
  discard();
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  OCKHAM_ASSERT(descriptor_ >= 0);
  wanted_ += bytes.size();
  while (!bytes.empty()) {
    const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR)
      continue;
    if (count < 0)
      fail("writing");
    written_ += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  OCKHAM_ASSERT(descriptor_ >= 0);
  if (::fsync(descriptor_) != 0)
    fail("flushing");
  if (::close(std::exchange(descriptor_, -1)) != 0)
    fail("closing");
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    fail("renaming");
  temporary_.clear();
  sync_folder();
}

// The rename itself lives in the folder, so it survives a power cut only once the folder is flushed.
void AtomicFile::sync_folder() {
  const std::filesystem::path folder = path_.has_parent_path() ? path_.parent_path() : ".";
  descriptor_ = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  // A folder that may be written but not read cannot be opened, and some file systems refuse to flush folders.
  if (descriptor_ >= 0 && ::fsync(descriptor_) != 0 && errno != EINVAL && errno != ENOTSUP)
    fail("flushing the folder of");
  discard();
}

void AtomicFile::discard() noexcept {
  if (descriptor_ >= 0)
    ::close(std::exchange(descriptor_, -1));
  if (!temporary_.empty())
    ::unlink(temporary_.c_str());
  temporary_.clear();
}

void AtomicFile::fail(std::string_view what) {
  const std::string reason = std::generic_category().message(errno);
  discard();
  throw Error(concat("file: ", what, " ", path_.string(), " failed after ", written_, " of ", wanted_,
                     " bytes: ", reason, "; make room there or choose another folder."));
}

}  // namespace ockham
