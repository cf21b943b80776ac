#pragma once
// How many processors this process may keep busy.
#include <filesystem>
#include <optional>

namespace ockham {

/// Processors' worth of time that the process's control groups allow it, such as 0.5 in a container started with half a
/// processor: the least quota of its group and those above. Nothing where there is no quota, or no readable one.
/// Reads proc/self/cgroup and, below sys/fs/cgroup, cpu.max (version 2) or cpu.cfs_quota_us (version 1).
/// @param root the file system's root, for tests
std::optional<double> processor_quota(const std::filesystem::path& root = "/");

/// Threads to start where nobody has said how many: OMP_NUM_THREADS, else one for each processor that the process may
/// run on (its affinity mask), but no more than its quota, rounded to the nearest and at least one. More of them would
/// be stopped together for a part of every period.
int default_thread_count(const std::filesystem::path& root = "/");

}  // namespace ockham
