#pragma once
// Facts about the machine and the moment, for run.json.
#include <map>
#include <string>

namespace ockham::apps {

/// The processor as /proc/cpuinfo names it; empty where that is not told.
std::string cpu_model();
/// The set variables that can change speed or results: OMP_*, CUDA_*, OCKHAM_* and a few more.
std::map<std::string, std::string> relevant_environment();

/// Seconds since 1970 with fractions.
double unix_seconds();
/// Seconds of a clock that never jumps, for durations.
double monotonic_seconds();
/// Unix seconds as "2024-01-31T14:25:01Z".
std::string utc_text(double seconds);
/// Unix seconds in local time as "20240131-142501", for folder names.
std::string local_stamp(double seconds);

}  // namespace ockham::apps
