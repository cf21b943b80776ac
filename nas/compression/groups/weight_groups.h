#pragma once
// Sets of weights that live or go together: a neuron's row, a filter, the channels of a residual stream over several
// layers. A set is told by runs of entries, so that a network of millions of weights is held by thousands of runs.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "autograd/parameter.h"

namespace ockham::nas {

/// Equally many consecutive entries of a parameter, `repeats` times, `stride` apart: what a slice of a tensor is.
struct WeightRun {
  std::size_t parameter;  ///< in the list of parameters that the groups speak of
  std::int64_t offset;    ///< of the first entry, row-major
  std::int64_t count;
  std::int64_t stride = 0;
  std::int64_t repeats = 1;
  friend bool operator==(const WeightRun&, const WeightRun&) = default;
};

/// No entry is in two of its runs.
struct WeightGroup {
  std::string name;  ///< for reports: "conv1.weight[3]"
  std::vector<WeightRun> runs;
};

/// The entries whose index along `axis` is in [index, index + length).
/// @throws ShapeError where the shape has no such axis or indices
WeightRun slice_run(std::size_t parameter, const Shape& shape, int axis, std::int64_t index, std::int64_t length = 1);

/// numel() of each.
std::vector<std::int64_t> sizes_of(std::span<Parameter* const> parameters);

/// How many entries a group has.
std::int64_t count_entries(const WeightGroup& group);

/// @throws ShapeError naming a group with an entry outside the parameters, whose sizes are given
void require_inside(std::span<const WeightGroup> groups, std::span<const std::int64_t> sizes);

/// Calls f(parameter, begin, end) for each stretch of consecutive entries: the loop inside is then a plain one.
template <class F>
void for_each_stretch(const WeightGroup& group, F&& f) {
  for (const WeightRun& run : group.runs) {
    for (std::int64_t i = 0; i < run.repeats; ++i)
      f(run.parameter, run.offset + i * run.stride, run.offset + i * run.stride + run.count);
  }
}

/// Calls f(parameter, entry) for each entry, in the order of the runs.
template <class F>
void for_each_entry(const WeightGroup& group, F&& f) {
  for_each_stretch(group, [&](std::size_t parameter, std::int64_t begin, std::int64_t end) {
    for (std::int64_t entry = begin; entry < end; ++entry)
      f(parameter, entry);
  });
}

}  // namespace ockham::nas
