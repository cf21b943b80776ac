#include "apps/runs/gemm_rate.h"

#include <algorithm>
#include <vector>

#include "apps/cli/host.h"
#include "engine/gemm.h"
#include "engine/parallel.h"

namespace ockham::apps {

double measure_gemm_rate() {
  constexpr std::int64_t kSize = 256;  // three such matrices fit the second-level cache of most processors
  constexpr double kOperations = 2.0 * kSize * kSize * kSize, kSeconds = 0.03;
  constexpr auto kElements = static_cast<std::size_t>(kSize * kSize);
  const std::vector<float> a(kElements, 0.5F), b(kElements, 0.25F);
  const std::int64_t threads = thread_count();
  std::vector<float> c(kElements * static_cast<std::size_t>(threads));
  double best = 0.0;
  const double begin = monotonic_seconds();
  for (double start = begin; start < begin + kSeconds; start = monotonic_seconds()) {
    parallel_for(threads, 1, [&](std::int64_t thread, std::int64_t) {
      gemm<float>(false, false, kSize, kSize, kSize, a.data(), kSize, b.data(), kSize, 0.0F,
                  c.data() + thread * kSize * kSize, kSize);
    });
    best = std::max(best, kOperations * static_cast<double>(threads) / (monotonic_seconds() - start));
  }
  return best;
}

}  // namespace ockham::apps
