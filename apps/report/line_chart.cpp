#include "apps/report/line_chart.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "apps/cli/text/format.h"
#include "apps/report/document.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr double kWidth = 860, kHeight = 340;  // of the plot
constexpr double kLeft = 64, kTop = 12, kBelow = 48, kLegendLine = 22, kLegendWidth = 200;
constexpr std::size_t kColors = 8;
constexpr std::size_t kMarked = 100;  // points of a curve, at most, that have marks

/// 1, 2 or 5 times a power of ten, so that about five lie in the range.
double tick_distance(double range) {
  const double rough = range / 5.0;
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  const double part = rough / power;
  return power * (part < 1.5 ? 1.0 : part < 3.5 ? 2.0 : part < 7.5 ? 5.0 : 10.0);
}

/// One axis: from numbers to places, with round numbers at the ticks.
class Axis {
 public:
  Axis(double low, double high, double from, double to) : from_(from), to_(to) {
    if (const double size = std::abs(high); high - low < std::max(1e-6, 1e-3 * size))  // a constant has a range too
      high = low + std::max(1e-6, 0.1 * size);
    distance_ = tick_distance(high - low);
    low_ = distance_ * std::floor(low / distance_);
    high_ = distance_ * std::ceil(high / distance_);
  }
  double place(double value) const { return from_ + (to_ - from_) * (value - low_) / (high_ - low_); }
  std::vector<double> ticks() const {
    std::vector<double> result;
    const auto count = std::llround((high_ - low_) / distance_);
    for (long long i = 0; i <= count; ++i)
      result.push_back(low_ + distance_ * static_cast<double>(i));
    return result;
  }
  std::string label(double value) const {
    return format_fixed(value, std::max(0, static_cast<int>(-std::floor(std::log10(distance_) + 1e-9))));
  }

 private:
  double from_, to_, low_ = 0.0, high_ = 1.0, distance_ = 1.0;
};

std::string number(double value) {
  return format_fixed(value, 1);
}

std::string text_at(double x, double y, const std::string& anchor, const std::string& text) {
  return concat("<text x=\"", number(x), "\" y=\"", number(y), "\" text-anchor=\"", anchor, "\">", escape_html(text),
                "</text>\n");
}

std::string axes(const Axis& x, const Axis& y, const ChartForm& form) {
  std::string svg;
  for (double tick : y.ticks()) {
    const std::string place = number(y.place(tick));
    svg += concat("<line class=\"grid\" x1=\"", number(kLeft), "\" x2=\"", number(kLeft + kWidth), "\" y1=\"", place,
                  "\" y2=\"", place, "\"/>\n");
    svg += text_at(kLeft - 8, y.place(tick) + 4, "end", y.label(tick));
  }
  for (double tick : x.ticks())
    svg += text_at(x.place(tick), kTop + kHeight + 18, "middle", x.label(tick));
  svg += text_at(kLeft + kWidth / 2, kTop + kHeight + 38, "middle", form.x_label);
  const std::string middle = number(kTop + kHeight / 2);
  svg += concat("<text x=\"14\" y=\"", middle, "\" text-anchor=\"middle\" transform=\"rotate(-90 14 ", middle, ")\">",
                escape_html(form.y_label), "</text>\n");
  return svg;
}

std::string curve(const Series& series, std::size_t color, const Axis& x, const Axis& y, const ChartForm& form) {
  const char* radius = series.points.size() <= kMarked ? "3" : "1";
  std::string path, marks;
  for (const Point& point : series.points) {
    const std::string px = number(x.place(point.x)), py = number(y.place(point.y));
    path += path.empty() ? concat("M", px, " ", py) : form.holds ? concat("H", px, "V", py) : concat("L", px, " ", py);
    marks += concat("<circle cx=\"", px, "\" cy=\"", py, "\" r=\"", radius, "\"><title>",
                    escape_html(concat(series.name, ": ", form.y_text(point.y), " at ", form.x_text(point.x))),
                    "</title></circle>\n");
  }
  return concat("<g class=\"curve c", color, "\">\n<path d=\"", path, "\"/>\n", marks, "</g>\n");
}

std::string legend_entry(const std::string& name, std::size_t color, double x, double y) {
  return concat("<g class=\"curve c", color, "\"><path d=\"M", number(x), " ", number(y), "h26\"/></g>\n",
                text_at(x + 34, y + 4, "start", name));
}

}  // namespace

const std::string_view kChartStyle = R"(
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
.grid { stroke: var(--faint); }
.curve path { fill: none; stroke: var(--curve); stroke-width: 2; } .curve circle { fill: var(--curve); }
.c0 { --curve: #0072b2; } .c1 { --curve: #d55e00; } .c2 { --curve: #00805e; } .c3 { --curve: #b0508a; }
.bar { fill: var(--curve); } .outline { fill: none; stroke: var(--curve); }
.c4 { --curve: #8a6d00; } .c5 { --curve: #3a8fc7; } .c6 { --curve: #5b3f9b; } .c7 { --curve: #555; }
@media (prefers-color-scheme: dark) {
.c0 { --curve: #4aa8e0; } .c1 { --curve: #ff8c42; } .c2 { --curve: #2fcb9b; } .c3 { --curve: #e69fc4; }
.c4 { --curve: #e6c84a; } .c5 { --curve: #9ad0f5; } .c6 { --curve: #b39bea; } .c7 { --curve: #ccc; } }
)";

std::string ChartForm::plain(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4g", value);
  return text;
}

std::string line_chart(const std::vector<Series>& series, const ChartForm& form) {
  std::vector<Point> all;
  for (const Series& one : series)
    all.insert(all.end(), one.points.begin(), one.points.end());
  if (all.empty())
    return "";
  const auto [low, high] = std::ranges::minmax(all, {}, &Point::y);
  const Axis x(0.0, std::ranges::max(all, {}, &Point::x).x, kLeft, kLeft + kWidth);
  const Axis y(low.y, high.y, kTop + kHeight, kTop);

  const auto columns = static_cast<std::size_t>(kWidth / kLegendWidth);
  const std::size_t lines = (series.size() + columns - 1) / columns;
  const double height = kTop + kHeight + kBelow + kLegendLine * static_cast<double>(lines);
  std::string svg =
      concat("<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"", number(kLeft + kWidth + 16),
             "\" viewBox=\"0 0 ", number(kLeft + kWidth + 16), " ", number(height), "\">\n<title>",
             escape_html(form.y_label + " against " + form.x_label), "</title>\n", axes(x, y, form));
  for (std::size_t i = 0; i < series.size(); ++i) {
    svg += curve(series[i], i % kColors, x, y, form);
    svg += legend_entry(series[i].name, i % kColors, kLeft + kLegendWidth * static_cast<double>(i % columns),
                        kTop + kHeight + kBelow + 8 + kLegendLine * static_cast<double>(i / columns));
  }
  return svg + "</svg>";
}

}  // namespace ockham::apps
