#include "engine/parallel.h"

#include <omp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "engine/error.h"
#include "engine/processors.h"

namespace ockham {
namespace {

std::atomic<int> chosen_threads{0};
std::atomic<std::int64_t> loops_run{0};
thread_local bool is_inside_chunk = false;

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
        // An exception must not leave an OpenMP region; keep the first in chunk order, whoever was faster.
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

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

/// Waits awake for about as long as a step spends between two loops: a thread that sleeps takes tens of microseconds to
/// wake, a training step has thousands of loops. After the first microseconds it offers its processor to whoever else
/// wants it, which may be the very thread that is waited for.
template <class Condition>
void spin_until(Condition&& is_met) {
  for (int i = 0; i < 100; ++i) {
    if (is_met())
      return;
    pause();
  }
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(200);
  while (!is_met() && std::chrono::steady_clock::now() < end)
    std::this_thread::yield();
}

/// The helpers of one leading thread, which offers them its loops one after the other. The leader works too, and waits
/// only for helpers that have joined the loop: one that the system has not scheduled yet holds up nothing. (A parallel
/// region per loop would end with a barrier for all threads: with busy neighbours on two cores a training step then
/// took twenty times as long. OpenMP tasks have no barrier, but libgomp's idle threads spin for milliseconds: three
/// times as long, and nothing in the program can tell libgomp otherwise.)
class Team {
 public:
  /// @param threads with the leader
  explicit Team(int threads) {
    helpers_.reserve(static_cast<std::size_t>(threads));
    try {
      while (std::ssize(helpers_) < threads - 1)
        helpers_.emplace_back([this] { serve(); });
    } catch (const std::system_error& e) {
      const std::size_t had = helpers_.size() + 1;
      end();
      throw Error(concat("threads: only ", had, " of ", threads, " could be had (", e.what(),
                         "): the limit on memory (ulimit -v) or processes (ulimit -u) is reached. Raise it, or use ",
                         "fewer --threads."));
    }
  }
  ~Team() { end(); }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  void run(Chunks& loop, int helpers) {
    {
      const std::lock_guard lock(mutex_);
      loop_ = &loop;
      places_ = helpers;
      ++offers_;
    }
    offered_.notify_all();
    loop.drain();
    {
      const std::lock_guard lock(mutex_);
      loop_ = nullptr;
    }
    spin_until([&] { return inside_ == 0; });
    std::unique_lock lock(mutex_);
    left_.wait(lock, [&] { return inside_ == 0; });
  }

 private:
  /// What a helper does until the leader ends.
  void serve() {
    for (std::uint64_t seen = 0;;) {
      spin_until([&] { return offers_ != seen; });
      std::unique_lock lock(mutex_);
      offered_.wait(lock, [&] { return offers_ != seen; });
      seen = offers_;
      if (has_ended_)
        return;
      if (loop_ == nullptr || places_ == 0)
        continue;
      --places_;
      ++inside_;
      Chunks& loop = *loop_;
      lock.unlock();
      loop.drain();
      lock.lock();
      if (--inside_ == 0)
        left_.notify_one();
    }
  }

  void end() {
    {
      const std::lock_guard lock(mutex_);
      has_ended_ = true;
      ++offers_;
    }
    offered_.notify_all();
    helpers_.clear();
  }

  // All members change under the mutex only; the atomic ones are also read without it.
  std::mutex mutex_;
  std::condition_variable offered_;
  std::condition_variable left_;
  std::atomic<std::uint64_t> offers_{0};
  std::atomic<int> inside_{0};  // helpers that have joined the loop
  Chunks* loop_ = nullptr;
  int places_ = 0;  // helpers that may still join
  bool has_ended_ = false;
  std::vector<std::jthread> helpers_;
};

thread_local Team* led_team = nullptr;

/// While it lives, the calling thread leads the team.
class Leading {
 public:
  explicit Leading(Team& team) { led_team = &team; }
  ~Leading() { led_team = nullptr; }
  Leading(const Leading&) = delete;
  Leading& operator=(const Leading&) = delete;
};

}  // namespace

int thread_count() {
  const int chosen = chosen_threads.load(std::memory_order_relaxed);
  if (chosen > 0)
    return chosen;
  static const int by_default = default_thread_count();
  return by_default;
}

void set_thread_count(int count) {
  if (count < 1 || count > 1024)
    throw UsageError(concat("threads: ", count, " is outside 1 to 1024."));
  chosen_threads.store(count, std::memory_order_relaxed);
}

void with_thread_team(const std::function<void()>& body) {
  if (led_team != nullptr || is_inside_chunk) {
    body();
    return;
  }
  Team team(thread_count());
  const Leading leading(team);
  body();
}

std::int64_t shared_loops() {
  return loops_run.load(std::memory_order_relaxed);
}

namespace detail {

void run_chunks(std::int64_t chunks, void (*call)(void*, std::int64_t), void* context) {
  if (!is_inside_chunk)
    loops_run.fetch_add(1, std::memory_order_relaxed);
  const int threads = static_cast<int>(std::min<std::int64_t>(chunks, thread_count()));
  if (threads == 1 || is_inside_chunk) {
    for (std::int64_t chunk = 0; chunk < chunks; ++chunk)
      call(context, chunk);
    return;
  }
  Chunks work(chunks, call, context);
  if (led_team != nullptr) {
    led_team->run(work, threads - 1);
  } else {
#pragma omp parallel num_threads(threads) default(none) shared(work)
    work.drain();
  }
  work.rethrow();
}

}  // namespace detail
}  // namespace ockham
