#include "engine/atomic_file.h"

#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>

#include "engine/error.h"
#include "tests/engine/files.h"
#include "tests/support.h"

namespace ockham {
namespace {

using test::contents;

std::ptrdiff_t files_in(const std::filesystem::path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

/// While it lives no file can grow beyond `bytes`: what a full disk looks like to one process.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) : old_handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &old_);
    rlimit small = old_;
    small.rlim_cur = bytes;
    ::setrlimit(RLIMIT_FSIZE, &small);
  }
  ~FullDisk() {
    ::setrlimit(RLIMIT_FSIZE, &old_);
    std::signal(SIGXFSZ, old_handler_);
  }
  FullDisk(const FullDisk&) = delete;
  FullDisk& operator=(const FullDisk&) = delete;

 private:
  rlimit old_{};
  void (*old_handler_)(int);
};

BOOST_AUTO_TEST_SUITE(atomic_file)

BOOST_AUTO_TEST_CASE(a_committed_file_replaces_the_old_one_and_leaves_nothing_else) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state";
  write_file_atomically(path, "old and longer");
  write_file_atomically(path, std::string_view("new\0bytes", 9));
  BOOST_TEST(contents(path) == std::string("new\0bytes", 9));
  BOOST_TEST(files_in(folder.path()) == 1);
}

BOOST_AUTO_TEST_CASE(pieces_appear_only_with_commit) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state";
  AtomicFile file(path);
  file.write("one ");
  file.write("two");
  BOOST_TEST(!std::filesystem::exists(path));
  file.commit();
  BOOST_TEST(contents(path) == "one two");
}

BOOST_AUTO_TEST_CASE(without_commit_the_old_file_stays_and_no_temporary_is_left) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state";
  write_file_atomically(path, "old");
  { AtomicFile(path).write("new"); }
  BOOST_TEST(contents(path) == "old");
  BOOST_TEST(files_in(folder.path()) == 1);
}

BOOST_AUTO_TEST_CASE(full_disk_keeps_the_old_file_and_names_path_reason_and_bytes) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state";
  write_file_atomically(path, "old");
  {
    const FullDisk full(4096);
    BOOST_CHECK_EXCEPTION(write_file_atomically(path, std::string(10000, 'x')), Error,
                          (test::Says{{path.string(), "4096 of 10000 bytes", "File too large"}}));
  }
  BOOST_TEST(contents(path) == "old");
  BOOST_TEST(files_in(folder.path()) == 1);
}

BOOST_AUTO_TEST_CASE(the_remedy_is_that_of_the_reason) {
  for (const auto& [error, remedy] : {std::pair(ENOSPC, "make room"),
                                      {EDQUOT, "make room"},
                                      {EFBIG, "ulimit -f"},
                                      {EROFS, "mounted for writing"},
                                      {EACCES, "allow this user"},
                                      {ENOENT, "not there"},
                                      {EIO, "the system's log"},
                                      {EISDIR, "choose another folder"}})
    BOOST_TEST(write_remedy(error).find(remedy) != std::string_view::npos, write_remedy(error));
  // /sys takes no new files, not even of root.
  BOOST_CHECK_EXCEPTION(write_file_atomically("/sys/state", "x"), Error, (test::Says{{"/sys/state", "folder"}}));
}

BOOST_AUTO_TEST_CASE(missing_folder_is_refused_with_the_path) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "missing" / "state";
  BOOST_CHECK_EXCEPTION(write_file_atomically(path, "x"), Error,
                        (test::Says{{path.string(), "No such file or directory"}}));
}

BOOST_AUTO_TEST_CASE(a_folder_in_the_way_is_refused_and_survives) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state";
  std::filesystem::create_directories(path / "inner");
  BOOST_CHECK_THROW(write_file_atomically(path, "x"), Error);
  BOOST_TEST(std::filesystem::is_directory(path / "inner"));
  BOOST_TEST(files_in(folder.path()) == 1);
}

BOOST_AUTO_TEST_CASE(a_temporary_is_abandoned_when_its_writer_is_gone) {
  const ::pid_t gone = ::fork();
  if (gone == 0)
    ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  BOOST_TEST(is_abandoned_temporary(concat("run/last.safetensors.tmp", gone)));
  BOOST_TEST(is_abandoned_temporary(concat("state.tmp", ::getpid())));
  BOOST_TEST(!is_abandoned_temporary(concat("state.tmp", ::getppid())));
  BOOST_TEST(!is_abandoned_temporary("state.tmp1"));  // of the first process, which is always there
}

BOOST_AUTO_TEST_CASE(a_killed_writer_leaves_what_is_found_abandoned) {
  const test::TemporaryFolder folder;
  const ::pid_t writer = ::fork();
  if (writer == 0) {
    AtomicFile file(folder.path() / "state");
    file.write("half");
    ::raise(SIGKILL);
  }
  ::waitpid(writer, nullptr, 0);
  BOOST_TEST(files_in(folder.path()) == 1);
  BOOST_TEST(is_abandoned_temporary(std::filesystem::directory_iterator(folder.path())->path()));
}

BOOST_AUTO_TEST_CASE(other_names_are_no_temporaries) {
  for (const char* name : {"state", "state.tmp", "state.tmp12x", "state.tmp-12", "state.tmp0", "state.temp999999",
                           "state.tmp99999999999999999999", ".tmp4194303", "tmp4194303"})
    BOOST_TEST(!is_abandoned_temporary(name), name);
}

BOOST_AUTO_TEST_CASE(new_files_follow_the_umask) {
  const test::TemporaryFolder folder;
  const auto path = folder.path() / "state";
  const mode_t old = ::umask(027);
  write_file_atomically(path, "x");
  ::umask(old);
  BOOST_TEST((std::filesystem::status(path).permissions() == static_cast<std::filesystem::perms>(0640)));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace ockham
