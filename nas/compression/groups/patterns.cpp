#include "nas/compression/groups/patterns.h"

#include <algorithm>
#include <array>

#include "engine/error.h"

namespace ockham::nas {
namespace {

struct PatternEntry {
  std::string_view name;
  int rank;  // 0: of either kind
};

// In the order of Pattern.
constexpr std::array<PatternEntry, 9> kPatterns{{{"element", 0},
                                                 {"row", 2},
                                                 {"column", 2},
                                                 {"filter", 4},
                                                 {"channel", 4},
                                                 {"shape", 4},
                                                 {"kernel", 4},
                                                 {"kernel-row", 4},
                                                 {"kernel-column", 4}}};

const PatternEntry& entry_of(Pattern pattern) {
  return kPatterns[static_cast<std::size_t>(pattern)];
}

/// What tensors a pattern is for.
std::string_view kinds_of(Pattern pattern) {
  switch (entry_of(pattern).rank) {
    case 2:
      return "linear weights [out, in]";
    case 4:
      return "convolution weights [N, C, M, K]";
    default:
      return "linear weights [out, in] and convolution weights [N, C, M, K]";
  }
}

std::string all_names() {
  std::string names;
  for (const PatternEntry& entry : kPatterns)
    names += concat(names.empty() ? "" : ", ", entry.name);
  return names;
}

Pattern parse_pattern(std::string_view name) {
  const auto it = std::ranges::find(kPatterns, name, &PatternEntry::name);
  if (it == kPatterns.end())
    throw UsageError(concat("there is no pattern '", name, "'; there are ", all_names(), "."));
  return static_cast<Pattern>(it - kPatterns.begin());
}

/// Slices along an axis of a tensor, one group each.
GroupSeries slices(std::size_t parameter, const std::string& name, const Shape& shape, int axis) {
  return {.name = name,
          .runs = {slice_run(parameter, shape, axis, 0)},
          .groups = shape[axis],
          .step = shape.row_major_strides()[static_cast<std::size_t>(axis)]};
}

/// W[:,c,:,k]: within a channel a step from group to group is one entry, between channels it is a kernel.
std::vector<GroupSeries> kernel_columns(std::size_t parameter, const std::string& name, const Shape& shape) {
  const std::int64_t M = shape[2], K = shape[3];
  std::vector<GroupSeries> series;
  for (std::int64_t c = 0; c < shape[1]; ++c) {
    GroupSeries of_channel{.name = concat(name, "[:,", c, ']'), .runs = {}, .groups = K, .step = 1};
    for (std::int64_t m = 0; m < M; ++m) {
      const std::int64_t offset = (c * M + m) * K;
      of_channel.runs.push_back({parameter, offset, 1, shape[1] * M * K, shape[0]});
    }
    series.push_back(std::move(of_channel));
  }
  return series;
}

}  // namespace

std::string_view name_of(Pattern pattern) {
  return entry_of(pattern).name;
}

std::vector<Pattern> parse_patterns(std::string_view names) {
  std::vector<Pattern> patterns;
  for (bool is_last = false; !is_last;) {
    const std::size_t comma = names.find(',');
    is_last = comma == names.npos;
    const Pattern pattern = parse_pattern(names.substr(0, comma));
    if (std::ranges::find(patterns, pattern) != patterns.end())
      throw UsageError(concat("pattern '", name_of(pattern), "' is given twice; give each once."));
    patterns.push_back(pattern);
    if (!is_last)
      names.remove_prefix(comma + 1);
  }
  return patterns;
}

bool fits(Pattern pattern, const Shape& shape) {
  const int rank = entry_of(pattern).rank;
  return rank == 0 ? shape.rank() == 2 || shape.rank() == 4 : shape.rank() == rank;
}

std::vector<GroupSeries> series_of(Pattern pattern, std::size_t parameter, const std::string& name,
                                   const Shape& shape) {
  if (!fits(pattern, shape))
    throw ShapeError(concat("pattern '", name_of(pattern), "' does not fit ", name, " of shape ", shape, "; it is for ",
                            kinds_of(pattern), "."));
  // A tensor seen with some axes as one; slices do not tell the difference.
  const auto N = shape[0], rest = shape.numel() / std::max<std::int64_t>(shape[0], 1);
  switch (pattern) {
    case Pattern::kElement:
      return {slices(parameter, name, {shape.numel()}, 0)};
    case Pattern::kRow:
    case Pattern::kFilter:
      return {slices(parameter, name, shape, 0)};
    case Pattern::kColumn:
    case Pattern::kChannel:
      return {slices(parameter, name, shape, 1)};
    case Pattern::kShape:
      return {slices(parameter, name, {N, rest}, 1)};
    case Pattern::kKernel:
      return {slices(parameter, name, {N * shape[1], shape[2] * shape[3]}, 0)};
    case Pattern::kKernelRow:
      return {slices(parameter, name, {N, shape[1] * shape[2], shape[3]}, 1)};
    case Pattern::kKernelColumn:
      return kernel_columns(parameter, name, shape);
  }
  throw Error("pattern: not one of the enumeration.");
}

GroupFamily family_of(Pattern pattern, std::span<Parameter* const> parameters) {
  std::vector<GroupSeries> series;
  for (std::size_t p = 0; p < parameters.size(); ++p) {
    const Parameter& parameter = *parameters[p];
    if (parameter.kind != ParameterKind::kWeight || !fits(pattern, parameter.value.shape()))
      continue;
    for (GroupSeries& one : series_of(pattern, p, parameter.name, parameter.value.shape()))
      series.push_back(std::move(one));
  }
  if (series.empty())
    throw UsageError(concat("pattern '", name_of(pattern), "' is for ", kinds_of(pattern),
                            ", of which the network has none; choose another of ", all_names(), "."));
  return {std::string(name_of(pattern)), std::move(series)};
}

}  // namespace ockham::nas
