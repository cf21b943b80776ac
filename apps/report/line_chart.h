#pragma once
// Curves as an SVG image within an HTML page, which provides the style.
#include <string>
#include <string_view>
#include <vector>

#include "apps/cli/text/format.h"

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

struct ChartForm {
  std::string x_label, y_label;
  bool holds = true;  ///< between its points a value stays, else it changes evenly
  /// How tips tell numbers.
  std::string (*x_text)(double) = format_duration;
  std::string (*y_text)(double) = two_digits;

  static std::string two_digits(double value) { return format_fixed(value, 2); }
  static std::string plain(double value);  ///< four digits that count
};

/// A legend below; a tip with the numbers at each point, and a mark where there are few. Empty without points.
std::string line_chart(const std::vector<Series>& series, const ChartForm& form);

}  // namespace ockham::apps
