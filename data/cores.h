#pragma once
// Work on all cores that the process has.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace ockham::data {

/// Threads that decode pictures: at first one for each processor that the process may run on (its affinity mask).
[[nodiscard]] int core_count();

/// For programs that know better, of a quota for example, or were told. @throws std::invalid_argument below 1
void set_core_count(int count);

/// Calls work(i) for each i in [0, count), on all cores and in no order. Throws what one of the calls threw, when all
/// threads have ended; the calls that were left are not made then.
template <class Work>
void on_all_cores(std::int64_t count, const Work& work) {
  std::atomic<std::int64_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  const auto take_turns = [&] {
    try {
      for (std::int64_t i = next++; i < count; i = next++)
        work(i);
    } catch (...) {
      const std::lock_guard lock(mutex);
      error = std::current_exception();
      next = count;
    }
  };
  std::vector<std::jthread> threads(static_cast<std::size_t>(std::min<std::int64_t>(count, core_count())));
  for (std::jthread& thread : threads)
    thread = std::jthread(take_turns);
  threads.clear();
  if (error)
    std::rethrow_exception(error);
}

}  // namespace ockham::data
