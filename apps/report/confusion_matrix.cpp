#include "apps/report/confusion_matrix.h"

#include <numeric>

#include "apps/cli/text/format.h"
#include "apps/report/document.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr double kSquare = 44, kNames = 150, kNamesAbove = 110, kFont = 12;

/// Names of classes, such as those of folders, may be of any length.
std::string shortened(const std::string& name) {
  constexpr std::size_t kMost = 20;
  if (name.size() <= kMost)
    return name;
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(name[end]) & 0xC0U) == 0x80U)
    --end;  // not within a character
  return name.substr(0, end) + "…";
}

std::string square(double x, double y, double share, std::int64_t count, const std::string& tip) {
  std::string svg =
      concat("<g><title>", escape_html(tip), "</title><rect class=\"share\" x=\"", x, "\" y=\"", y, "\" width=\"",
             kSquare - 1, "\" height=\"", kSquare - 1, "\" fill-opacity=\"", format_fixed(share, 3), "\"/>");
  if (count > 0)
    svg += concat("<text x=\"", x + kSquare / 2, "\" y=\"", y + kSquare / 2 + kFont / 3, "\" text-anchor=\"middle\">",
                  count, "</text>");
  return svg + "</g>\n";
}

}  // namespace

std::string confusion_matrix(const std::vector<std::string>& names,
                             const std::vector<std::vector<std::int64_t>>& counts) {
  const double size = kSquare * static_cast<double>(names.size());
  const double width = kNames + size + 8, height = kNamesAbove + size + 8;
  std::string svg = concat("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" class=\"confusion\" width=\"", width,
                           "\" viewBox=\"0 0 ", width, " ", height,
                           "\">\n<title>true classes in rows, predicted ones in columns", "</title>\n");
  for (std::size_t row = 0; row < names.size(); ++row) {
    const double y = kNamesAbove + kSquare * static_cast<double>(row), x = kNames + kSquare * static_cast<double>(row);
    svg += concat("<text x=\"", kNames - 8, "\" y=\"", y + kSquare / 2 + kFont / 3, "\" text-anchor=\"end\">",
                  escape_html(shortened(names[row])), "</text>\n<text transform=\"translate(", x + kSquare / 2, " ",
                  kNamesAbove - 8, ") rotate(-45)\">", escape_html(shortened(names[row])), "</text>\n");
    const auto images = static_cast<double>(std::accumulate(counts[row].begin(), counts[row].end(), std::int64_t{0}));
    for (std::size_t column = 0; column < names.size(); ++column) {
      const std::int64_t count = counts[row][column];
      const double share = images > 0 ? static_cast<double>(count) / images : 0.0;
      svg += square(kNames + kSquare * static_cast<double>(column), y, share, count,
                    concat(names[row], " taken for ", names[column], ": ", count, ", ", format_percent(share), " %"));
    }
  }
  return svg + "</svg>";
}

}  // namespace ockham::apps
