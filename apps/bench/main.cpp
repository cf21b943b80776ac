// ockham-bench: measures training steps, exact passes, kernels and loaders; one JSON object a case.
#include <algorithm>
#include <iostream>

#include "apps/bench/bench_cases.h"
#include "apps/cli/host.h"
#include "apps/cli/text/json_text.h"
#include "apps/runs/common_options.h"
#include "apps/runs/inputs/precision.h"
#include "apps/runs/profile_report.h"
#include "apps/runs/program.h"
#include "engine/allocator.h"
#include "engine/parallel.h"
#include "engine/simd.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

void declare(OptionTable& table) {
  add_device_options(table);
  add_profile_option(table);
  table.group("Measurement");
  table.text("case", "", "what to measure; --list shows the names", "NAME");
  table.positional("case");
  table.count("repeats", 5, "timed repeats, after one that is not timed", {.min = 1, .max = 100000});
  table.text("data", "", "folder with the data set of the loader cases", "DIR");
  table.flag("list", "print the cases and exit");
}

double seconds_of(const std::function<void()>& work) {
  const double start = monotonic_seconds();
  work();
  return monotonic_seconds() - start;
}

double median(std::vector<double> times) {
  std::ranges::sort(times);
  const std::size_t middle = times.size() / 2;
  return times.size() % 2 == 1 ? times[middle] : (times[middle - 1] + times[middle]) / 2.0;
}

/// Seconds of each repeat of a case's pieces, and the most memory that the case itself held.
struct Measured {
  std::vector<double> run;
  std::vector<double> before_tangents;
  std::vector<double> forward;
  std::size_t peak_bytes = 0;
};

/// The pieces take turns, so that a change of the machine's pace meets all of them.
Measured measure(const BenchWork& work, std::int64_t repeats) {
  CachingAllocator& memory = CachingAllocator::instance();
  Measured result;
  for (std::int64_t i = -1; i < repeats; ++i) {  // the first is not timed: memory, caches and clock frequency settle
    const auto time = [&](const std::function<void()>& piece, std::vector<double>& times) {
      const double seconds = piece ? seconds_of(piece) : 0.0;
      if (i >= 0)
        times.push_back(seconds);
    };
    memory.reset_peak();
    time(work.run, result.run);
    result.peak_bytes = std::max(result.peak_bytes, memory.statistics().peak_bytes);
    time(work.before_tangents, result.before_tangents);
    time(work.forward, result.forward);
  }
  return result;
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

/// Prints the table of one more run.
Json profile_of(Session& session, const BenchWork& work) {
  Profile profile;
  work.run();
  profile.stop();
  session.log().line(profile_table(profile));
  return profile_json(profile);
}

int run(Session& session) {
  const Options& options = session.options();
  if (options.flag("list"))
    return list_cases();
  const BenchCase& wanted = find_bench_case(options.text("case"));
  const std::int64_t repeats = options.count("repeats");
  const BenchWork work = wanted.prepare({.precision = precision_of(options), .data = options.text("data")});

  const Measured measured = measure(work, repeats);
  const double seconds = median(measured.run);
  Json result{{"case", wanted.name},
              {"repeats", repeats},
              {"seconds_median", seconds},
              {"seconds_min", std::ranges::min(measured.run)},
              {"images_per_second", rate(work.images, seconds)},
              {"gflops", rate(work.flops * 1e-9, seconds)},
              {"peak_bytes", measured.peak_bytes},
              {"threads", thread_count()},
              {"isa", instruction_set()},
              {"precision", options.text("precision")}};
  if (work.forward)
    result["forwards"] = seconds / median(measured.forward);
  if (work.before_tangents)
    result["forwards_per_tangent"] =
        (seconds - median(measured.before_tangents)) / work.tangents / median(measured.forward);
  if (options.flag("profile"))  // a run of its own: the times above are those without
    result["profile"] = profile_of(session, work);
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
