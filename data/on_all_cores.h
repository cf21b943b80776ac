#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace ockham::data {

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
  std::vector<std::jthread> threads(
      static_cast<std::size_t>(std::min<std::int64_t>(count, std::max(1u, std::thread::hardware_concurrency()))));
  for (std::jthread& thread : threads)
    thread = std::jthread(take_turns);
  threads.clear();
  if (error)
    std::rethrow_exception(error);
}

}  // namespace ockham::data
