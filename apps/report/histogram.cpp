#include "apps/report/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/cli/text/format.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kBar = 20;  // characters of the longest bar of text
constexpr double kPanelLeft = 56.0, kPanelWidth = 560.0, kPanelRight = 24.0;
constexpr double kPanel = 96.0, kHeading = 26.0, kAxis = 46.0;

/// Decimals with which the edges of the bins differ.
int decimals_of(const HistogramBins& bins) {
  return std::max(0, static_cast<int>(std::ceil(-std::log10(bins.width) - 1e-9)));
}

std::int64_t bin_of(double value, double width) {
  return static_cast<std::int64_t>(std::floor(value / width + 1e-9));  // a value on an edge belongs above it
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

std::int64_t tallest(std::span<const HistogramGroup> groups, const HistogramBins& bins) {
  std::int64_t result = 1;
  for (const HistogramGroup& group : groups)
    result = std::max(result, std::ranges::max(histogram_counts(group, bins)));
  return result;
}

double place(const HistogramBins& bins, double value) {
  return kPanelLeft + kPanelWidth * (value - bins.edge(0)) / (static_cast<double>(bins.count) * bins.width);
}

std::string panel_svg(const HistogramGroup& group, const HistogramBins& bins, std::int64_t most, std::size_t index) {
  static constexpr const char* kFills[] = {"#3b82d6", "#d9822b", "#5f9e6e"};
  const double base = static_cast<double>(index + 1) * (kPanel + kHeading);
  const double bar = kPanelWidth / static_cast<double>(bins.count);
  std::string out = concat("<text x=\"", format_fixed(kPanelLeft, 0), "\" y=\"", format_fixed(base - kPanel - 8, 0),
                           "\">", group.name, ": ", group.values.size(), " candidates, mean ",
                           format_fixed(mean(group.values), 2), "</text>\n");
  const std::vector<std::int64_t> counts = histogram_counts(group, bins);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0)
      continue;
    const double height = kPanel * static_cast<double>(counts[i]) / static_cast<double>(most);
    out += concat("<rect x=\"", format_fixed(kPanelLeft + bar * static_cast<double>(i) + 1, 1), "\" y=\"",
                  format_fixed(base - height, 1), "\" width=\"", format_fixed(std::max(1.0, bar - 2), 1),
                  "\" height=\"", format_fixed(height, 1), "\" fill=\"", kFills[index % std::size(kFills)],
                  "\"><title>", counts[i], "</title></rect>\n");
  }
  const std::string x = format_fixed(place(bins, mean(group.values)), 1);
  out += concat("<line class=\"mean\" x1=\"", x, "\" x2=\"", x, "\" y1=\"", format_fixed(base - kPanel, 0), "\" y2=\"",
                format_fixed(base, 0), "\"/>\n<line class=\"axis\" x1=\"", format_fixed(kPanelLeft, 0), "\" x2=\"",
                format_fixed(kPanelLeft + kPanelWidth, 0), "\" y1=\"", format_fixed(base, 0), "\" y2=\"",
                format_fixed(base, 0), "\"/>\n");
  return out + concat("<text x=\"", format_fixed(kPanelLeft - 8, 0), "\" y=\"", format_fixed(base - kPanel + 10, 0),
                      "\" text-anchor=\"end\">", most, "</text>\n");
}

}  // namespace

HistogramBins histogram_bins(std::span<const HistogramGroup> groups, std::int64_t most) {
  double low = groups.front().values.front(), high = low;
  for (const HistogramGroup& group : groups) {
    const auto [least, greatest] = std::ranges::minmax(group.values);
    low = std::min(low, least);
    high = std::max(high, greatest);
  }
  HistogramBins bins;
  if (high > low) {
    const double needed = (high - low) / static_cast<double>(most);
    const double power = std::pow(10.0, std::floor(std::log10(needed)));
    for (double digit : {10.0, 5.0, 2.0, 1.0}) {
      if (digit * power >= needed)
        bins.width = digit * power;
    }
  }
  bins.first = bin_of(low, bins.width);
  bins.count = bin_of(high, bins.width) - bins.first + 1;
  return bins;
}

std::vector<std::int64_t> histogram_counts(const HistogramGroup& group, const HistogramBins& bins) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(bins.count));
  for (double value : group.values)
    ++counts.at(static_cast<std::size_t>(bin_of(value, bins.width) - bins.first));
  return counts;
}

std::string histogram_text(std::span<const HistogramGroup> groups, const HistogramBins& bins, const std::string& axis) {
  const int decimals = decimals_of(bins);
  const std::size_t column = static_cast<std::size_t>(kBar) + 6;
  const std::size_t label = std::max(axis.size(), format_fixed(bins.edge(bins.count), decimals).size() * 2 + 3) + 2;
  std::string out = padded(axis, label);
  for (const HistogramGroup& group : groups)
    out += padded(group.name, column);
  const std::int64_t most = tallest(groups, bins);
  for (std::int64_t i = 0; i < bins.count; ++i) {
    out.erase(out.find_last_not_of(' ') + 1);
    out += "\n" +
           padded(concat(format_fixed(bins.edge(i), decimals), " - ", format_fixed(bins.edge(i + 1), decimals)), label);
    for (const HistogramGroup& group : groups) {
      const std::int64_t count = histogram_counts(group, bins)[static_cast<std::size_t>(i)];
      const std::int64_t bar = (count * kBar + most - 1) / most;  // one value already shows
      const std::string tail = count > 0 ? concat(" ", count) : "";
      out += padded(std::string(static_cast<std::size_t>(bar), '#') + tail, column);
    }
  }
  out.erase(out.find_last_not_of(' ') + 1);
  return out + "\n";
}

std::string histogram_svg(std::span<const HistogramGroup> groups, const HistogramBins& bins, const std::string& axis) {
  const double bottom = static_cast<double>(groups.size()) * (kPanel + kHeading);
  const std::string width = format_fixed(kPanelLeft + kPanelWidth + kPanelRight, 0),
                    height = format_fixed(bottom + kAxis, 0);
  std::string out =
      concat("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"", width, "\" height=\"", height, "\" viewBox=\"0 0 ",
             width, " ", height, "\" font-family=\"Helvetica, Arial, sans-serif\" font-size=\"12\">\n",
             "<style>text{fill:#444}.axis{stroke:#888}.mean{stroke:#222;stroke-width:1.5;stroke-dasharray:4 3}\n",
             "@media (prefers-color-scheme:dark){text{fill:#ccc}.axis{stroke:#888}.mean{stroke:#eee}}</style>\n");
  const std::int64_t most = tallest(groups, bins);
  for (std::size_t g = 0; g < groups.size(); ++g)
    out += panel_svg(groups[g], bins, most, g);
  const std::int64_t every = std::max<std::int64_t>(1, bins.count / 8);
  for (std::int64_t i = 0; i <= bins.count; i += every)
    out += concat("<text x=\"", format_fixed(place(bins, bins.edge(i)), 1), "\" y=\"", format_fixed(bottom + 16, 0),
                  "\" text-anchor=\"middle\">", format_fixed(bins.edge(i), decimals_of(bins)), "</text>\n");
  return out + concat("<text x=\"", format_fixed(kPanelLeft + kPanelWidth / 2, 0), "\" y=\"",
                      format_fixed(bottom + 36, 0), "\" text-anchor=\"middle\">", axis,
                      "; dashed: mean of the group</text>\n</svg>\n");
}

}  // namespace ockham::apps
