#pragma once
// For tests of what happens where a process gets no more addresses (ulimit -v).
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "tests/support.h"

namespace ockham::test {

/// While it lives, the process gets no more than `bytes` of further addresses.
class AddressLimit {
 public:
  explicit AddressLimit(std::size_t bytes) {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    ::getrlimit(RLIMIT_AS, &before_);
    rlimit limit = before_;
    limit.rlim_cur = pages * static_cast<std::size_t>(sysconf(_SC_PAGESIZE)) + bytes;
    ::setrlimit(RLIMIT_AS, &limit);
  }
  ~AddressLimit() { ::setrlimit(RLIMIT_AS, &before_); }
  AddressLimit(const AddressLimit&) = delete;
  AddressLimit& operator=(const AddressLimit&) = delete;

 private:
  rlimit before_ = {};
};

/// Sanitizers take addresses themselves and end the program where they get none; an emulator of another processor
/// rations nothing.
inline boost::test_tools::assertion_result system_rations(boost::unit_test::test_unit_id) {
  constexpr std::size_t kMebi = std::size_t{1} << 20;
#if defined(OCKHAM_SANITIZED)
  boost::test_tools::assertion_result result(false);
#else
  const AddressLimit limit(600 * kMebi);
  void* const more = ::mmap(nullptr, 800 * kMebi, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  boost::test_tools::assertion_result result(more == MAP_FAILED);
  if (more != MAP_FAILED)
    ::munmap(more, 800 * kMebi);
#endif
  result.message() << "the system does not keep a process to RLIMIT_AS";
  return result;
}

}  // namespace ockham::test
