#include <algorithm>
#include <optional>

#include "apps/cli/host.h"
#include "apps/cli/text/format.h"
#include "apps/cli/text/spread.h"
#include "apps/runs/bench_cases.h"
#include "apps/selfcheck/parts.h"
#include "engine/backend.h"
#include "engine/error.h"
#include "engine/tensor.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

struct Setting {
  const char* name;
  NumberFormat format;
  MathMode products;
};
constexpr Setting kSettings[] = {{"fp32", NumberFormat::kFp32, MathMode::kFp32},
                                 {"tf32", NumberFormat::kTf32, MathMode::kTf32},
                                 {"bf16", NumberFormat::kBf16, MathMode::kFp32}};

/// The median of `repeats` runs, after as many as it takes to settle.
double seconds_of(Device device, int repeats, const std::function<void()>& before, const std::function<void()>& run) {
  std::vector<double> times;
  for (int i = repeats > 1 ? -2 : -1; i < repeats; ++i) {
    if (before)
      before();
    wait_for(device);
    const double start = monotonic_seconds();
    run();
    wait_for(device);
    if (i >= 0)
      times.push_back(monotonic_seconds() - start);
  }
  return median(times);
}

/// Bytes a second of moves within the device's memory, those read and those written.
double bandwidth_of(const CheckInput& input) {
  const std::size_t bytes = std::size_t{1} << (input.is_quick ? 22 : 29);
  const Shape shape{static_cast<std::int64_t>(bytes)};
  const Tensor from = Tensor::zeros(shape, DType::kUInt8, input.device);
  Tensor to = Tensor::zeros(shape, DType::kUInt8, input.device);
  Backend& backend = backend_of(input.device);
  constexpr int kMoves = 10;
  const double seconds = seconds_of(input.device, 3, {}, [&] {
    for (int i = 0; i < kMoves; ++i)
      backend.move(input.device.index, from.device_bytes(), to.device_bytes(), bytes);
  });
  return 2.0 * kMoves * static_cast<double>(bytes) / seconds;
}

/// How many of the products of a run the device leaves to its library.
std::int64_t products_of(const BenchWork& work, Device device) {
  if (device.is_cpu())
    return 0;
  if (work.before)
    work.before();
  const std::int64_t before = backend_of(device).library_products(device.index);
  work.run();
  return backend_of(device).library_products(device.index) - before;
}

struct Timing {
  std::int64_t products = 0;
  double eager = 0.0;  ///< seconds
  double recorded = 0.0;
  std::int64_t tasks = 0;
  std::int64_t launches = 0;
  std::size_t traffic = 0;
  std::size_t bytes = 0;
};

Timing time_of(const BenchWork& work, const CheckInput& input) {
  const int repeats = input.is_quick ? 1 : 20;
  Timing timing{.products = products_of(work, input.device),
                .eager = seconds_of(input.device, repeats, work.before, work.run)};
  if (!work.can_be_recorded || input.device.is_cpu())
    return timing;
  const auto step = backend_of(input.device).record(input.device.index, work.run);
  timing.recorded = seconds_of(input.device, repeats, work.before, [&] { step->run(); });
  timing.tasks = step->tasks();
  timing.launches = step->launches();
  timing.traffic = step->traffic();
  timing.bytes = step->bytes();
  return timing;
}

std::string milliseconds(double seconds) {
  return seconds > 0.0 ? format_fixed(1e3 * seconds, 3) : "-";
}

void add_row(Part& part, const BenchCase& one, const Setting& setting, const Timing& t, double bandwidth) {
  const bool is_recorded = t.recorded > 0.0;
  const double share = is_recorded && bandwidth > 0.0 ? static_cast<double>(t.traffic) / t.recorded / bandwidth : 0.0;
  part.table.push_back({std::string(one.name), setting.name, milliseconds(t.eager), milliseconds(t.recorded),
                        is_recorded ? concat(t.tasks) : "-", is_recorded ? concat(t.launches) : "-",
                        is_recorded ? format_bytes(t.traffic) : "-", is_recorded ? format_percent(share) + " %" : "-",
                        concat(t.products)});
  const auto or_null = [&](auto value) { return is_recorded ? Json(value) : Json(nullptr); };
  part.data.push_back({{"case", one.name},
                       {"precision", setting.name},
                       {"eager_seconds", t.eager},
                       {"recorded_seconds", or_null(t.recorded)},
                       {"tasks", or_null(t.tasks)},
                       {"launches", or_null(t.launches)},
                       {"recorded_bytes", or_null(t.bytes)},
                       {"traffic_bytes", or_null(t.traffic)},
                       {"bandwidth_share", or_null(share)},
                       {"cublas_products", t.products}});
}

/// Of a case of which cuBLAS does no product: what the mode would time is fp32.
void add_row_without_products(Part& part, const BenchCase& one, const Setting& setting) {
  part.table.push_back({std::string(one.name), setting.name, "as fp32", "-", "-", "-", "-", "-", "0"});
  part.data.push_back({{"case", one.name}, {"precision", setting.name}, {"same_as", "fp32"}, {"cublas_products", 0}});
}

/// Nothing where the case knows no such precision.
std::optional<BenchWork> prepared(const BenchCase& one, const Setting& setting, Device device) {
  try {
    return one.prepare({.precision = precision_of(setting.format), .device = device});
  } catch (const UsageError&) {
    return {};
  }
}

}  // namespace

Part measure_times(const CheckInput& input) {
  Part part;
  double bandwidth = 0.0;
  if (!input.device.is_cpu()) {
    input.progress("memory bandwidth");
    bandwidth = bandwidth_of(input);
    part.data.push_back({{"bandwidth_bytes_per_second", bandwidth}});
  }
  part.table = {{"case", "precision", "eager ms", "recorded ms", "tasks", "launches", "traffic",
                 concat("share of ", format_fixed(1e-9 * bandwidth, 1), " GB/s"), "by cuBLAS"}};
  for (const std::string& name : input.cases) {
    const BenchCase& one = find_bench_case(name);
    for (const Setting& setting : kSettings) {
      if (input.device.is_cpu() && setting.products == MathMode::kTf32)
        continue;
      input.progress(concat(name, ", ", setting.name));
      const MathModeScope mode(input.device, setting.products);
      const std::optional<BenchWork> work = prepared(one, setting, input.device);
      if (!work)
        continue;
      if (setting.products == MathMode::kTf32 && products_of(*work, input.device) == 0)
        add_row_without_products(part, one, setting);
      else
        add_row(part, one, setting, time_of(*work, input), bandwidth);
    }
  }
  return part;
}

void require_cases(const std::vector<std::string>& names) {
  for (const std::string& name : names)
    find_bench_case(name);
}

}  // namespace ockham::apps
