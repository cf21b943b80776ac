#include "nas/compression/groups/group_family.h"

#include <algorithm>
#include <utility>

#include "engine/error.h"

namespace ockham::nas {
namespace {

std::vector<GroupSeries> series_of_one(std::span<const WeightGroup> groups) {
  std::vector<GroupSeries> series;
  for (const WeightGroup& group : groups)
    series.push_back({.name = group.name, .runs = group.runs});
  return series;
}

WeightGroup group_of(const GroupSeries& series, std::int64_t index) {
  WeightGroup group{.name = series.groups == 1 ? series.name : concat(series.name, '[', index, ']'),
                    .runs = series.runs};
  for (WeightRun& run : group.runs)
    run.offset += index * series.step;
  return group;
}

}  // namespace

GroupFamily::GroupFamily(std::string name, std::vector<GroupSeries> series)
    : name_(std::move(name)), series_(std::move(series)), first_{0} {
  for (const GroupSeries& one : series_)
    first_.push_back(first_.back() + one.groups);
}

GroupFamily::GroupFamily(std::string name, std::span<const WeightGroup> groups)
    : GroupFamily(std::move(name), series_of_one(groups)) {}

std::size_t GroupFamily::series_of(std::size_t index) const {
  OCKHAM_ASSERT(index < size());
  const auto after = std::ranges::upper_bound(first_, static_cast<std::int64_t>(index));
  return static_cast<std::size_t>(after - first_.begin()) - 1;
}

WeightGroup GroupFamily::group(std::size_t index) const {
  const std::size_t s = series_of(index);
  return group_of(series_[s], static_cast<std::int64_t>(index) - first_[s]);
}

std::string GroupFamily::group_name(std::size_t index) const {
  return group(index).name;
}

std::int64_t GroupFamily::entries_of(std::size_t index) const {
  std::int64_t count = 0;
  for (const WeightRun& run : series_[series_of(index)].runs)
    count += run.count * run.repeats;
  return count;
}

std::size_t GroupFamily::layer_of(std::size_t index) const {
  const std::vector<WeightRun>& runs = series_[series_of(index)].runs;
  return runs.empty() ? 0 : runs[0].parameter;
}

void GroupFamily::require_inside(std::span<const std::int64_t> sizes) const {
  for (const GroupSeries& one : series_) {
    const WeightGroup ends[] = {group_of(one, 0), group_of(one, std::max<std::int64_t>(one.groups - 1, 0))};
    nas::require_inside(ends, sizes);
  }
}

void GroupFamily::require_disjoint(std::span<const std::int64_t> sizes) const {
  require_inside(sizes);
  std::vector<std::vector<char>> seen;
  for (const std::int64_t size : sizes)
    seen.emplace_back(static_cast<std::size_t>(size));
  for (const GroupSeries& one : series_) {
    const auto mark = [&](std::size_t parameter, std::int64_t begin, std::int64_t count, std::int64_t group) {
      for (auto entry = static_cast<std::size_t>(begin); entry < static_cast<std::size_t>(begin + count); ++entry) {
        if (std::exchange(seen[parameter][entry], char{1}) != 0)
          throw ShapeError(concat("weight groups: entry ", entry, " of parameter ", parameter, " is in two groups of ",
                                  name_, ", of which one is ", group_of(one, group).name,
                                  " or a later one; groups that overlap belong to families of their own."));
      }
    };
    for_each_stretch(one, mark, mark);
  }
}

}  // namespace ockham::nas
