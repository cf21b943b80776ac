#include "apps/report/correlation_matrix.h"

#include <algorithm>
#include <cmath>

#include "apps/cli/text/format.h"
#include "apps/report/document.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr double kPair = 15, kPairNames = 230, kPairNamesAbove = 190, kPairFont = 12;

}  // namespace

std::string correlation_matrix(const std::vector<std::string>& names, const std::vector<double>& correlations) {
  const std::size_t n = names.size();
  const double size = kPair * static_cast<double>(n), width = kPairNames + size + kPairNamesAbove,
               height = kPairNamesAbove + size + 8;
  std::string svg =
      concat("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" class=\"correlation\" width=\"", width,
             "\" viewBox=\"0 0 ", width, " ", height, "\">\n<title>correlations of pairs</title>\n");
  for (std::size_t row = 0; row < n; ++row) {
    const double along = kPair * static_cast<double>(row), y = kPairNamesAbove + along, x = kPairNames + along;
    const std::string name = escape_html(names[row]);
    svg += concat("<text x=\"", kPairNames - 6, "\" y=\"", y + kPairFont, "\" text-anchor=\"end\">", name,
                  "</text>\n<text transform=\"translate(", x + kPairFont, " ", kPairNamesAbove - 6, ") rotate(-45)\">",
                  name, "</text>\n");
    for (std::size_t column = 0; column < n; ++column) {
      const double r = correlations[row * n + column];
      svg += concat("<rect class=\"", r < 0.0 ? "c1" : "c0", "\" fill=\"var(--curve)\" x=\"",
                    kPairNames + kPair * static_cast<double>(column), "\" y=\"", y, "\" width=\"", kPair - 1,
                    "\" height=\"", kPair - 1, "\" fill-opacity=\"", format_fixed(std::min(1.0, std::abs(r)), 3),
                    "\"><title>", escape_html(concat(names[row], " and ", names[column], ": ", format_fixed(r, 3))),
                    "</title></rect>\n");
    }
  }
  return svg + "</svg>";
}

}  // namespace ockham::apps
