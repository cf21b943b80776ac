// ockham-bench: measures training steps, exact passes, kernels and loaders; one JSON object a case.
#include <algorithm>
#include <iostream>

#include "apps/common/bench_cases.h"
#include "apps/common/common_options.h"
#include "apps/common/host.h"
#include "apps/common/json_text.h"
#include "apps/common/main.h"
#include "apps/common/search_setup.h"
#include "engine/allocator.h"
#include "engine/parallel.h"
#include "engine/simd.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

void declare(OptionTable& table) {
  add_compute_options(table);
  table.group("Measurement");
  table.text("case", "", "what to measure; --list shows the names", "NAME");
  table.positional("case");
  table.count("repeats", 5, "timed repeats, after one that is not timed", {.min = 1, .max = 100000});
  table.text("data", "", "folder with the data set of the loader cases", "DIR");
  table.flag("list", "print the cases and exit");
}

/// Seconds of each repeat, in rising order.
std::vector<double> times_of(const std::function<void()>& work, std::int64_t repeats) {
  work();  // memory, caches and clock frequency settle
  std::vector<double> times;
  for (std::int64_t i = 0; i < repeats; ++i) {
    const double start = monotonic_seconds();
    work();
    times.push_back(monotonic_seconds() - start);
  }
  std::ranges::sort(times);
  return times;
}

double median(const std::vector<double>& sorted) {
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2.0;
}

/// Null where there is nothing to count.
Json rate(double amount, double seconds) {
  return amount > 0.0 ? Json(amount / seconds) : Json(nullptr);
}

int list_cases() {
  for (const BenchCase& one : bench_cases())
    std::cout << one.name << std::string(28 - one.name.size(), ' ') << one.what << '\n';
  return kDone;
}

int run(Session& session) {
  const Options& options = session.options();
  if (options.flag("list"))
    return list_cases();
  const BenchCase& wanted = find_bench_case(options.text("case"));
  const std::int64_t repeats = options.count("repeats");
  const BenchWork work = wanted.prepare({.dtype = dtype_of(options), .data = options.text("data")});

  CachingAllocator& memory = CachingAllocator::instance();
  memory.reset_peak();
  const std::vector<double> times = times_of(work.run, repeats);
  const double seconds = median(times);
  Json result{{"case", wanted.name},
              {"seconds_median", seconds},
              {"seconds_min", times.front()},
              {"images_per_second", rate(work.images, seconds)},
              {"gflops", rate(work.flops * 1e-9, seconds)},
              {"peak_bytes", memory.statistics().peak_bytes},
              {"threads", thread_count()},
              {"isa", instruction_set()},
              {"precision", options.text("precision")}};
  if (work.forward)
    result["forwards"] = seconds / median(times_of(work.forward, repeats));
  if (!options.flag("json"))  // publish() prints the same line
    std::cout << json_text(result) << '\n';
  session.publish(result);
  return kDone;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "bench",
                                 .purpose = "Measures training steps, exact passes, kernels and loaders; prints one "
                                            "JSON object a case.",
                                 .declare = ockham::apps::declare,
                                 .run = ockham::apps::run});
}
