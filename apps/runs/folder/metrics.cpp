#include "apps/runs/folder/metrics.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <nlohmann/json.hpp>
#include <system_error>

#include "apps/cli/host.h"
#include "apps/cli/text/json_text.h"
#include "engine/atomic_file.h"
#include "engine/error.h"

namespace ockham::apps {

Metrics::Metrics(std::filesystem::path path, std::string run) : path_(std::move(path)), run_(std::move(run)) {
  descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (descriptor_ < 0)
    fail("opening");
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
    ::close(descriptor_);
    throw UsageError(path_.string() +
                     " is being written by another process. Wait for it to end, or use another --out.");
  }
  const off_t end = ::lseek(descriptor_, 0, SEEK_END);
  length_ = end > 0 ? static_cast<std::uint64_t>(end) : 0;  // a device such as a pipe has no end
}

Metrics::~Metrics() {
  ::close(descriptor_);
}

bool Metrics::is_in_place() const {
  using Status = struct stat;
  Status here = {};
  Status opened = {};
  return ::fstat(descriptor_, &opened) == 0 && ::stat(path_.c_str(), &here) == 0 && here.st_dev == opened.st_dev &&
         here.st_ino == opened.st_ino;
}

void Metrics::require_in_place() const {
  if (!is_in_place())
    throw Error(concat("run folder: ", path_.parent_path().string(), " was removed, renamed or replaced in mid-run; ",
                       "what was not saved is lost. If it was renamed, go on from its last checkpoint with --resume."));
}

void Metrics::write_events() {
  events_.emplace(path_.parent_path());
  std::ifstream lines(path_);
  for (std::string line; std::getline(lines, line);) {
    if (const auto entry = nlohmann::ordered_json::parse(line, nullptr, false); entry.is_object())
      events_->append(entry);
  }
}

void Metrics::append(const nlohmann::ordered_json& fields) {
  require_in_place();
  nlohmann::ordered_json entry = {{"v", 1}, {"t", unix_seconds()}, {"run", run_}};
  entry.update(fields);
  const std::string line = json_text(entry) + "\n";
  std::size_t written = 0;
  while (written < line.size()) {
    const ssize_t count = ::write(descriptor_, line.data() + written, line.size() - written);
    if (count < 0 && errno != EINTR) {
      const int reason = errno;
      if (written > 0 && ::ftruncate(descriptor_, static_cast<off_t>(length_)) != 0)
        length_ += written;  // the part of a line stays
      errno = reason;
      fail("writing");
    }
    written += count > 0 ? static_cast<std::size_t>(count) : 0;
  }
  length_ += written;
  if (events_)
    events_->append(entry);
}

std::uint64_t Metrics::sync() {
  if (::fdatasync(descriptor_) != 0)
    fail("flushing");
  return length_;
}

void Metrics::cut_back(std::uint64_t length) {
  if (length > length_)
    throw CheckpointError(concat(path_.string(), " has ", length_, " bytes, but the checkpoint was taken at ", length,
                                 "; the file was changed. Restore it, or start a new run."));
  char last = '\n';
  if (length > 0 && ::pread(descriptor_, &last, 1, static_cast<off_t>(length - 1)) != 1)
    fail("reading");
  if (last != '\n')
    throw CheckpointError(concat(path_.string(), ": byte ", length, ", where the checkpoint was taken, is inside a ",
                                 "line; the file was changed. Restore it, or start a new run."));
  if (::ftruncate(descriptor_, static_cast<off_t>(length)) != 0)
    fail("cutting");
  length_ = length;
}

void Metrics::fail(const char* what) const {
  const int error = errno;
  throw Error(concat("metrics: ", what, " ", path_.string(), " failed: ", std::generic_category().message(error), "; ",
                     write_remedy(error), "."));
}

}  // namespace ockham::apps
