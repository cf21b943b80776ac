#pragma once
// Histograms of several groups over the same bins: bars of text for a terminal, one SVG file for a page.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace ockham::apps {

struct HistogramGroup {
  std::string name;
  std::vector<double> values;  ///< finite
};

/// Bin i holds values from (first + i) width up to, but without, (first + i + 1) width.
struct HistogramBins {
  double width = 1.0;  ///< 1, 2 or 5 times a power of ten
  std::int64_t first = 0;
  std::int64_t count = 1;

  double edge(std::int64_t i) const { return static_cast<double>(first + i) * width; }
};

/// The narrowest bins with which all values of all groups need at most `most` and one more.
HistogramBins histogram_bins(std::span<const HistogramGroup> groups, std::int64_t most = 25);
/// How many values of the group each bin holds.
std::vector<std::int64_t> histogram_counts(const HistogramGroup& group, const HistogramBins& bins);

/// A line a bin, a column a group; bars of all groups have one scale.
std::string histogram_text(std::span<const HistogramGroup> groups, const HistogramBins& bins, const std::string& axis);
/// A panel a group over a common axis, each mean marked. No background of its own: lines and letters suit the reader's
/// light or dark scheme. Names and axis hold no markup.
std::string histogram_svg(std::span<const HistogramGroup> groups, const HistogramBins& bins, const std::string& axis);

}  // namespace ockham::apps
