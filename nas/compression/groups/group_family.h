#pragma once
// Disjoint groups that share a prior or a penalty: the rows of all layers, say. A family of several million groups of
// one weight each is told by a line per tensor, as a run and how far it moves from group to group.
#include <vector>

#include "engine/parallel.h"
#include "nas/compression/groups/weight_groups.h"

namespace ockham::nas {

/// Groups that are one set of runs, moved along by equal steps: what a pattern makes of a tensor.
struct GroupSeries {
  std::string name;             ///< "fc1.weight" of groups "fc1.weight[0]", ...; where there is but one, its own
  std::vector<WeightRun> runs;  ///< of group 0
  std::int64_t groups = 1;
  std::int64_t step = 0;  ///< entries from a group to the next
};

class GroupFamily {
 public:
  /// @param name  "row": for reports
  GroupFamily(std::string name, std::vector<GroupSeries> series);
  /// Groups with any entries, no two of which share one, such as channels tied over layers.
  GroupFamily(std::string name, std::span<const WeightGroup> groups);

  const std::string& name() const { return name_; }
  /// All groups are numbered in the order of the series.
  std::size_t size() const { return static_cast<std::size_t>(first_.back()); }
  const std::vector<GroupSeries>& series() const { return series_; }
  std::int64_t first_group(std::size_t series) const { return first_[series]; }
  WeightGroup group(std::size_t index) const;
  std::string group_name(std::size_t index) const;
  std::int64_t entries_of(std::size_t index) const;
  /// The parameter of a group's first run: its layer, for comparisons within layers.
  std::size_t layer_of(std::size_t index) const;

  /// @throws ShapeError for an entry outside parameters of these sizes
  void require_inside(std::span<const std::int64_t> sizes) const;
  /// @throws ShapeError for an entry outside, or in two groups
  void require_disjoint(std::span<const std::int64_t> sizes) const;

 private:
  std::size_t series_of(std::size_t index) const;

  std::string name_;
  std::vector<GroupSeries> series_;
  std::vector<std::int64_t> first_;  // by series, and their sum
};

/// Calls same(parameter, begin, count, group) for stretches of entries of one group, and each(parameter, begin, count,
/// group) for stretches whose entry begin + i is of group + i. Groups are counted from 0.
template <class Same, class Each>
void for_each_stretch(const GroupSeries& series, Same&& same, Each&& each) {
  for (const WeightRun& run : series.runs) {
    const bool is_interleaved = run.count == 1 && series.step == 1;
    for (std::int64_t r = 0; r < run.repeats; ++r) {
      const std::int64_t begin = run.offset + r * run.stride;
      if (is_interleaved) {
        each(run.parameter, begin, series.groups, std::int64_t{0});
        continue;
      }
      for (std::int64_t g = 0; g < series.groups; ++g)
        same(run.parameter, begin + g * series.step, run.count, g);
    }
  }
}

/// Calls f(series, number of its first group) for all series of a family, on several threads.
template <class F>
void for_each_series(const GroupFamily& family, F&& f) {
  const auto n = std::ssize(family.series());
  parallel_for(n, 1 + n / 256, [&](std::int64_t begin, std::int64_t end) {
    for (auto s = static_cast<std::size_t>(begin); s < static_cast<std::size_t>(end); ++s)
      f(family.series()[s], family.first_group(s));
  });
}

/// Calls f(parameter, entry, group) for every entry of every group, on several threads; a group is one thread's.
template <class F>
void for_each_member(const GroupFamily& family, F&& f) {
  for_each_series(family, [&](const GroupSeries& series, std::int64_t first) {
    const auto same = [&](std::size_t parameter, std::int64_t begin, std::int64_t count, std::int64_t group) {
      for (std::int64_t i = 0; i < count; ++i)
        f(parameter, static_cast<std::size_t>(begin + i), static_cast<std::size_t>(first + group));
    };
    const auto each = [&](std::size_t parameter, std::int64_t begin, std::int64_t count, std::int64_t group) {
      for (std::int64_t i = 0; i < count; ++i)
        f(parameter, static_cast<std::size_t>(begin + i), static_cast<std::size_t>(first + group + i));
    };
    for_each_stretch(series, same, each);
  });
}

}  // namespace ockham::nas
