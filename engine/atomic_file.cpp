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

std::string_view write_remedy(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return "make room there or choose another folder";
    case EFBIG:
      return "raise the limit on the size of files (ulimit -f), or that of the file system";
    case EROFS:
      return "nothing can be written there until that file system is mounted for writing; or choose another folder";
    case EACCES:
    case EPERM:
      return "allow this user to write there or choose another folder";
    case ENOENT:
    case ENOTDIR:
      return "the folder is not there; create it or choose another";
    case EIO:
      return "the disk or the connection to it fails; look at the system's log, or choose another folder";
    default:
      return "choose another folder";
  }
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
  const int error = errno;
  discard();
  throw Error(concat("file: ", what, " ", path_.string(), " failed after ", written_, " of ", wanted_,
                     " bytes: ", std::generic_category().message(error), "; ", write_remedy(error), "."));
}

}  // namespace ockham
