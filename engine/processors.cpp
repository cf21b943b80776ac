#include "engine/processors.h"

#include <omp.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>

namespace ockham {
namespace {

namespace fs = std::filesystem;

/// The first line of a small file; empty if there is none. Control files have no more than two numbers on it.
std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line(64, '\0');
  file.getline(line.data(), static_cast<std::streamsize>(line.size()));
  if (file.fail())
    return "";
  line.resize(line.find('\0'));
  return line;
}

/// A whole number above zero. "max" and -1, which stand for no limit, are none.
std::optional<double> positive(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_sound = error == std::errc() && end == text.data() + text.size() && value > 0;
  return is_sound ? std::optional(static_cast<double>(value)) : std::nullopt;
}

std::optional<double> ratio(std::string_view quota, std::string_view period) {
  const auto a = positive(quota), b = positive(period);
  return a && b ? std::optional(*a / *b) : std::nullopt;
}

/// Of one control group: "QUOTA PERIOD" in cpu.max, or a file for each.
std::optional<double> quota_of_group(const fs::path& folder) {
  const std::string both = first_line(folder / "cpu.max");
  const std::size_t space = both.find(' ');
  if (space != std::string::npos)
    return ratio(std::string_view(both).substr(0, space), std::string_view(both).substr(space + 1));
  return ratio(first_line(folder / "cpu.cfs_quota_us"), first_line(folder / "cpu.cfs_period_us"));
}

/// The least quota of the group `path` and those above it, up to the root of the hierarchy at `mount`. A container may
/// see its own group there, under a path that is another's: what is not there is passed over.
std::optional<double> least_quota(const fs::path& mount, fs::path path) {
  std::optional<double> least;
  for (;; path = path.parent_path()) {
    if (const auto quota = quota_of_group(mount / path))
      least = std::min(*quota, least.value_or(*quota));
    if (path.empty())
      return least;
  }
}

/// A line of /proc/self/cgroup, "NUMBER:CONTROLLERS:/PATH"; CONTROLLERS is empty in version 2.
struct Membership {
  std::string controllers;
  fs::path path;  // relative, within the hierarchy
};

std::optional<Membership> parse_membership(const std::string& line) {
  const std::size_t first = line.find(':');
  const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
  if (second == std::string::npos)
    return std::nullopt;
  const fs::path path = fs::path(line.substr(second + 1)).lexically_normal().relative_path();
  const bool leads_out = std::ranges::find(path, fs::path("..")) != path.end();
  return Membership{line.substr(first + 1, second - first - 1), leads_out ? fs::path() : path};
}

bool governs_processors(std::string_view controllers) {
  while (!controllers.empty()) {
    const std::size_t comma = std::min(controllers.find(','), controllers.size());
    if (controllers.substr(0, comma) == "cpu")
      return true;
    controllers.remove_prefix(std::min(comma + 1, controllers.size()));
  }
  return false;
}

}  // namespace

std::optional<double> processor_quota(const fs::path& root) {
  constexpr int kMostLines = 100;  // one a hierarchy; there are fewer than twenty
  const fs::path mounts = root / "sys/fs/cgroup";
  std::ifstream file(root / "proc/self/cgroup");
  std::optional<double> least;
  std::string line;
  for (int i = 0; i < kMostLines && std::getline(file, line); ++i) {
    const auto group = parse_membership(line);
    if (!group || !(group->controllers.empty() || governs_processors(group->controllers)))
      continue;
    const fs::path other = group->controllers.empty() ? "unified" : "cpu";  // beside version 1; a link to "cpu,cpuacct"
    for (const fs::path& mount : {mounts / group->controllers, mounts / other}) {
      if (const auto quota = least_quota(mount, group->path))
        least = std::min(*quota, least.value_or(*quota));
    }
  }
  return least;
}

int default_thread_count(const fs::path& root) {
  const int processors = omp_get_max_threads();  // by OMP_NUM_THREADS, or the affinity mask
  const auto quota = std::getenv("OMP_NUM_THREADS") == nullptr ? processor_quota(root) : std::nullopt;
  if (!quota || *quota >= processors)
    return processors;
  return std::max(1, static_cast<int>(std::lround(*quota)));
}

}  // namespace ockham
