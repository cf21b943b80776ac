#include "engine/parallel.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>

#include "engine/error.h"

namespace ockham {
namespace {

std::atomic<int> chosen_threads{0};

// By default libgomp's idle threads spin for milliseconds. On a machine with other work that starves the very threads
// they wait for: with one busy neighbour on two cores a training step became ten times slower. A short spin, then
// sleep, costs little on a quiet machine. The variable must be set before libgomp is loaded, hence .preinit_array; a
// value that the user gave stays.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void shorten_spinning(int, char**, char**) {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr)
    ::setenv("GOMP_SPINCOUNT", "2000", 0);
}
__attribute__((section(".preinit_array"), used)) void (*const kShortenSpinning)(int, char**, char**) = shorten_spinning;
#endif

}  // namespace

int thread_count() {
  const int chosen = chosen_threads.load(std::memory_order_relaxed);
  return chosen > 0 ? chosen : omp_get_max_threads();
}

void set_thread_count(int count) {
  if (count < 1 || count > 1024)
    throw UsageError(concat("threads: ", count, " is outside 1 to 1024."));
  chosen_threads.store(count, std::memory_order_relaxed);
}

namespace detail {

void run_chunks(std::int64_t chunks, void (*call)(void*, std::int64_t), void* context) {
  const int threads = static_cast<int>(std::min<std::int64_t>(chunks, thread_count()));
  if (threads == 1 || omp_in_parallel()) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      call(context, chunk);
    return;
  }
  // An exception must not leave a parallel region; keep the first in chunk order so that the message does not depend
  // on which thread was faster.
  std::exception_ptr failure;
  std::int64_t failed_chunk = chunks;
  std::mutex mutex;
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads)
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    try {
      call(context, chunk);
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (chunk < failed_chunk) {
        failed_chunk = chunk;
        failure = std::current_exception();
      }
    }
  }
  if (failure)
    std::rethrow_exception(failure);
}

}  // namespace detail
}  // namespace ockham
