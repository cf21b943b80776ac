#pragma once
// What ockham-bench and ockham-selfcheck measure: each case prepares its network or data once and then repeats one
// piece of work.
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "apps/runs/inputs/precision.h"
#include "engine/device.h"

namespace ockham::apps {

struct BenchInput {
  Precision precision;
  std::string data = {};  ///< folder of the data set, for the cases that read one
  Device device = {};
};

/// A piece of work, ready to be repeated. It owns what it needs.
struct BenchWork {
  std::function<void()> run;
  /// What the host does before each run: numbers that change from step to step go to where a device reads them.
  std::function<void()> before = {};
  bool can_be_recorded = false;  ///< `run` waits for no result (engine/backend.h)
  double images = 0.0;           ///< handled by one run; 0: it handles none
  double flops = 0.0;            ///< floating-point operations of one run, two a multiply-accumulate; 0: not counted
  /// For exact passes: one inference pass over the same batch, to express their time in forwards.
  std::function<void()> forward = {};
  /// For passes made of tangents: what `run` does before the first of them, and how many follow.
  std::function<void()> before_tangents = {};
  double tangents = 0.0;
};

struct BenchCase {
  std::string_view name;
  std::string_view what;
  std::function<BenchWork(const BenchInput&)> prepare;  ///< @throws data::DataError without its data
};

std::span<const BenchCase> bench_cases();
/// @throws UsageError that lists the names, for another one
const BenchCase& find_bench_case(std::string_view name);

}  // namespace ockham::apps
