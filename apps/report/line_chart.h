#pragma once
// Curves as an SVG image within an HTML page, which provides the style.
#include <string>
#include <string_view>
#include <vector>

namespace ockham::apps {

struct Point {
  double x = 0.0;
  double y = 0.0;
};
struct Series {
  std::string name;
  std::vector<Point> points = {};  ///< finite, by ascending x
};

/// Colours of curves, for a light and a dark page; the style sheet of the page holds it once. Chosen to be told apart
/// without the difference of red and green (Okabe and Ito 2008).
extern const std::string_view kChartStyle;

/// Steps, for between its points a value stays; a legend below; a tip with the numbers at each point. Empty without
/// points.
std::string line_chart(const std::vector<Series>& series, const std::string& x_label, const std::string& y_label);

}  // namespace ockham::apps
