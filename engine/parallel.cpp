#include "engine/parallel.h"

#include <omp.h>

#include <atomic>
#include <cstdlib>
#include <mutex>

#include "engine/error.h"

namespace ockham {
namespace {

std::atomic<int> chosen_threads{0};
std::atomic<bool> has_team{false};
thread_local bool is_inside_chunk = false;

// By default libgomp's idle threads spin for milliseconds and starve what else runs on the machine, which may be the
// very thread they wait for. A short spin, then sleep, costs little on a quiet machine. libgomp reads the variable when
// it is loaded, hence .preinit_array; a value that the user gave stays.
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
void shorten_spinning(int, char**, char**) {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr)
    ::setenv("GOMP_SPINCOUNT", "2000", 0);
}
__attribute__((section(".preinit_array"), used)) void (*const kShortenSpinning)(int, char**, char**) = shorten_spinning;
#endif

/// The chunks of one loop, taken by whichever thread is free. Which thread runs a chunk changes no result.
class Chunks {
 public:
  Chunks(std::int64_t count, void (*call)(void*, std::int64_t), void* context)
      : count_(count), call_(call), context_(context), failed_(count) {}

  void drain() {
    is_inside_chunk = true;
    for (std::int64_t chunk = next_++; chunk < count_; chunk = next_++) {
      try {
        call_(context_, chunk);
      } catch (...) {
        // An exception must not leave an OpenMP task; keep the first in chunk order, whoever was faster.
        const std::lock_guard lock(mutex_);
        if (chunk < failed_) {
          failed_ = chunk;
          failure_ = std::current_exception();
        }
      }
    }
    is_inside_chunk = false;
  }

  void rethrow() const {
    if (failure_)
      std::rethrow_exception(failure_);
  }

 private:
  std::int64_t count_;
  void (*call_)(void*, std::int64_t);
  void* context_;
  std::atomic<std::int64_t> next_{0};
  std::mutex mutex_;
  std::int64_t failed_;
  std::exception_ptr failure_;
};

/// The caller works too, and waits for tasks that have begun only: a thread that the system has not scheduled yet holds
/// up nothing. (A parallel region per loop would end with a barrier for all threads: with busy neighbours on two cores
/// a training step then took twenty times as long.)
void drain_with_tasks(Chunks& chunks, int threads) {
  for (int helper = 1; helper < threads; ++helper) {
#pragma omp task default(none) shared(chunks)
    chunks.drain();
  }
  chunks.drain();
#pragma omp taskwait
}

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

void with_thread_team(const std::function<void()>& body) {
  std::exception_ptr failure;
#pragma omp parallel num_threads(thread_count()) default(none) shared(body, failure, has_team)
#pragma omp master
  {
    has_team = true;
    try {
      body();
    } catch (...) {
      failure = std::current_exception();
    }
    has_team = false;
  }
  if (failure)
    std::rethrow_exception(failure);
}

namespace detail {

void run_chunks(std::int64_t chunks, void (*call)(void*, std::int64_t), void* context) {
  const int threads = static_cast<int>(std::min<std::int64_t>(chunks, thread_count()));
  if (threads == 1 || is_inside_chunk) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      call(context, chunk);
    return;
  }
  Chunks work(chunks, call, context);
  if (omp_in_parallel() != 0 && has_team) {
    drain_with_tasks(work, threads);
  } else {
#pragma omp parallel num_threads(threads) default(none) shared(work)
    work.drain();
  }
  work.rethrow();
}

}  // namespace detail
}  // namespace ockham
