#pragma once
// Loops over threads whose results do not depend on how many there are: the range is cut into chunks of a fixed
// size, each chunk writes to its own place, and partial results are combined in chunk order by one thread.
#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

namespace ockham {

/// Threads that parallel loops use; at first those of default_thread_count() (processors.h).
int thread_count();
/// @throws UsageError unless 1 <= count <= 1024
void set_thread_count(int count);

/// Runs body on the calling thread, beside a team of threads that stays together until it returns; parallel loops in it
/// hand their chunks to whoever is free. Programs wrap their work in it; without it each loop makes its own team, with
/// the same results. A team within a team is the same one. Throws what body throws.
/// @throws Error if the system does not give as many threads as were set
void with_thread_team(const std::function<void()>& body);

/// Loops of several chunks that this process has run so far, on however many threads (those inside a chunk of another
/// not counted). By it a check that results do not depend on the threads knows whether it saw anything that could.
std::int64_t shared_loops();

namespace detail {
void run_chunks(std::int64_t chunks, void (*call)(void*, std::int64_t), void* context);
}

/// Calls body(begin, end) for consecutive chunks of `grain` (the last may be shorter). The first exception thrown by a
/// chunk is rethrown here. A loop inside a parallel loop runs on its thread alone.
template <class Body>
void parallel_for(std::int64_t n, std::int64_t grain, Body&& body) {
  if (n <= 0)
    return;
  const std::int64_t chunks = (n + grain - 1) / grain;
  if (chunks == 1) {
    body(std::int64_t{0}, n);
    return;
  }
  auto call = [&](std::int64_t chunk) {
    const std::int64_t begin = chunk * grain;
    body(begin, begin + grain < n ? begin + grain : n);
  };
  using Call = decltype(call);
  detail::run_chunks(
      chunks, [](void* context, std::int64_t chunk) { (*static_cast<Call*>(context))(chunk); }, &call);
}

/// Sum of part(begin, end) over the chunks, added in chunk order.
template <class Part>
double parallel_sum(std::int64_t n, std::int64_t grain, Part&& part) {
  if (n <= 0)
    return 0.0;
  std::vector<double> parts(static_cast<std::size_t>((n + grain - 1) / grain));
  parallel_for(n, grain, [&](std::int64_t begin, std::int64_t end) {
    parts[static_cast<std::size_t>(begin / grain)] = part(begin, end);
  });
  double total = 0.0;
  for (double p : parts)
    total += p;
  return total;
}

}  // namespace ockham
