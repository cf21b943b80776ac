#include "apps/report/bar_chart.h"

#include <algorithm>

#include "apps/cli/text/format.h"
#include "apps/report/document.h"
#include "apps/report/line_chart.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr double kBarLine = 18, kBarNames = 230, kBarLengths = 380, kBarNumbers = 80, kBarFont = 12;

}  // namespace

std::string bar_chart(const std::vector<Bar>& bars, const std::string& title) {
  if (bars.empty())
    return "";
  const double largest = std::ranges::max(bars, {}, &Bar::value).value;
  const double width = kBarNames + kBarLengths + kBarNumbers, height = kBarLine * static_cast<double>(bars.size()) + 8;
  std::string svg = concat("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" class=\"bars c0\" width=\"", width,
                           "\" viewBox=\"0 0 ", width, " ", height, "\">\n<title>", escape_html(title), "</title>\n");
  for (std::size_t i = 0; i < bars.size(); ++i) {
    const Bar& bar = bars[i];
    const double y = 4 + kBarLine * static_cast<double>(i),
                 length = largest > 0.0 ? kBarLengths * bar.value / largest : 0.0;
    svg +=
        concat("<g><title>",
               escape_html(concat(bar.name, ": ", ChartForm::plain(bar.value), bar.tip.empty() ? "" : ", ", bar.tip)),
               "</title><text x=\"", kBarNames - 6, "\" y=\"", y + kBarFont, "\" text-anchor=\"end\">",
               escape_html(bar.name), "</text><rect class=\"", bar.is_filled ? "bar" : "outline", "\" x=\"", kBarNames,
               "\" y=\"", y + 1, "\" width=\"", format_fixed(length, 1), "\" height=\"", kBarLine - 4, "\"/><text x=\"",
               format_fixed(kBarNames + length + 6, 1), "\" y=\"", y + kBarFont, "\">", ChartForm::plain(bar.value),
               "</text></g>\n");
  }
  return svg + "</svg>";
}

}  // namespace ockham::apps
