// ockham-bench: measures training steps, exact passes, kernels and loaders; one JSON object a case.
#include <algorithm>
#include <iostream>

#include "apps/cli/host.h"
#include "apps/cli/text/format.h"
#include "apps/cli/text/json_text.h"
#include "apps/cli/text/spread.h"
#include "apps/runs/bench_cases.h"
#include "apps/runs/profile_report.h"
#include "engine/backend.h"
#include "engine/device_memory.h"
#include "engine/parallel.h"
#include "engine/simd.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

struct BenchSettings {
  GeneralSettings general;
  DeviceSettings device;
  bool profile = false;
  std::string name;
  std::int64_t repeats = 5;
  std::string data;
  bool list = false;
};

void describe(BenchSettings& s, SettingVisitor& v) {
  describe(s.general, v);
  describe(s.device, v);
  describe_profile(s.profile, v);
  v.group("Measurement");
  v.text("case", s.name, "what to measure; --list shows the names", "NAME");
  v.word("case");
  v.count("repeats", s.repeats, "timed repeats, after one that is not timed", {.min = 1, .max = 100000});
  v.text("data", s.data, "folder with the data set of the loader cases", "DIR");
  v.flag("list", s.list, "print the cases and exit");
}

double seconds_of(const std::function<void()>& work, Device device) {
  const double start = monotonic_seconds();
  work();
  wait_for(device);
  return monotonic_seconds() - start;
}

/// Seconds of each repeat of a case's pieces, and the most memory that the case itself held.
struct Measured {
  std::vector<double> run;
  std::vector<double> before_tangents;
  std::vector<double> forward;
  std::size_t peak_bytes = 0;
};

/// The pieces take turns, so that a change of the machine's pace meets all of them.
Measured measure(const BenchWork& work, std::int64_t repeats, Device device) {
  Measured result;
  for (std::int64_t i = -1; i < repeats; ++i) {  // the first is not timed: memory, caches and clock frequency settle
    const auto time = [&](const std::function<void()>& piece, std::vector<double>& times) {
      const double seconds = piece ? seconds_of(piece, device) : 0.0;
      if (i >= 0)
        times.push_back(seconds);
    };
    reset_memory_peak(device);
    if (work.before)
      work.before();
    time(work.run, result.run);
    result.peak_bytes = std::max(result.peak_bytes, memory_statistics(device).peak_bytes);
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
    std::cout << padded(std::string(one.name), 28) << one.what << '\n';
  return kDone;
}

/// Prints the table of one more run.
Json profile_of(Session& session, const BenchWork& work) {
  if (work.before)
    work.before();
  Profile profile;
  work.run();
  profile.stop();
  session.log().line(profile_table(profile));
  return profile_json(profile);
}

int run(Session& session, const BenchSettings& settings) {
  if (settings.list)
    return list_cases();
  const BenchCase& wanted = find_bench_case(settings.name);
  const Device device = chosen_device(settings.device);
  const BenchWork work =
      wanted.prepare({.precision = precision_of(settings.device), .data = settings.data, .device = device});

  const Measured measured = measure(work, settings.repeats, device);
  const double seconds = median(measured.run);
  Json result{{"case", wanted.name},
              {"repeats", settings.repeats},
              {"seconds_median", seconds},
              {"seconds_min", std::ranges::min(measured.run)},
              {"images_per_second", rate(work.images, seconds)},
              {"gflops", rate(work.flops * 1e-9, seconds)},
              {"peak_bytes", measured.peak_bytes},
              {"threads", thread_count()},
              {"isa", instruction_set()},
              {"device", text_of(device)},
              {"precision", name_of(kNumberFormats, settings.device.precision)}};
  if (work.forward)
    result["forwards"] = seconds / median(measured.forward);
  if (work.before_tangents)
    result["forwards_per_tangent"] =
        (seconds - median(measured.before_tangents)) / work.tangents / median(measured.forward);
  if (settings.profile)  // a run of its own: the times above are those without
    result["profile"] = profile_of(session, work);
  if (!settings.general.json)  // publish() prints the same line
    std::cout << json_text(result) << '\n';
  session.publish(result);
  return kDone;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(
      argc, argv,
      app_of("bench", "Measures training steps, exact passes, kernels and loaders; prints one JSON object a case.",
             run));
}
