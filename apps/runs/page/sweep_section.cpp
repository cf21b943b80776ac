#include "apps/runs/page/sweep_section.h"

#include <algorithm>

#include "apps/report/line_chart.h"
#include "apps/runs/page/json_text.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kSweepFile = "sweep.json";

Json points_of(const Json& sweep) {
  return value_of<Json>(sweep, "points", kSweepFile);
}

std::string percent_at(const Json& point, const char* name) {
  const Json share = value_of<Json>(point, name, kSweepFile);
  return share.is_number() ? format_fixed(100.0 * share.get<double>(), 2) : "–";
}

/// Accuracy against size; no points where the accuracy is unknown.
Series accuracy_series(const Json& sweep, const std::string& size, const char* accuracy, const char* name) {
  Series series{name};
  for (const Json& point : points_of(sweep)) {
    if (value_of<Json>(point, accuracy, kSweepFile).is_number())
      series.points.push_back(
          {value_of<double>(point, size, kSweepFile), 100.0 * value_of<double>(point, accuracy, kSweepFile)});
  }
  std::ranges::stable_sort(series.points, {}, &Point::x);
  return series;
}

std::string what_is(const std::string& size) {
  return size == "params" ? "parameters" : size == "macs" ? "multiply-accumulates an image" : "milliseconds of a pass";
}

}  // namespace

TextTable sweep_table(const Json& sweep) {
  TextTable table{{"network", "parameters", "multiply-accumulates", "ms, one image", "ms, a hundred",
                   "validation accuracy %", "test accuracy %", "on the front"}};
  const bool is_timed = value_of<std::string>(sweep, "size", kSweepFile) == "milliseconds_limited";
  if (is_timed)
    table.header.emplace_back("ms, as limited");
  for (const Json& point : points_of(sweep)) {
    table.rows.push_back({value_of<std::string>(point, "run", kSweepFile), text_at(point, "params"),
                          text_at(point, "macs"), text_at(point, "milliseconds_one"),
                          text_at(point, "milliseconds_hundred"), percent_at(point, "valid_accuracy"),
                          percent_at(point, "test_accuracy"),
                          value_of<bool>(point, "on_front", kSweepFile) ? "yes" : "no"});
    if (is_timed)
      table.rows.back().push_back(text_at(point, "milliseconds_limited"));
  }
  return table;
}

std::vector<Block> sweep_section(const Json& sweep) {
  const auto size = value_of<std::string>(sweep, "size", kSweepFile);
  const bool is_by_validation = value_of<std::string>(sweep, "judged_by", kSweepFile) == "valid_accuracy";
  std::vector<Series> series{accuracy_series(sweep, size, "valid_accuracy", "validation accuracy %"),
                             accuracy_series(sweep, size, "test_accuracy", "test accuracy %")};
  std::erase_if(series, [](const Series& one) { return one.points.empty(); });
  return {
      Heading{"Accuracy against size"},
      Paragraph{concat("All of them come from the same dense network, each by a compression of its own. Those on the "
                       "front are as small and as accurate as no other at once, by ",
                       what_is(size), " and the ", is_by_validation ? "validation" : "test", " images.")},
      sweep_table(sweep),
      Figure{line_chart(
          series, {.x_label = what_is(size), .y_label = "accuracy %", .holds = false, .x_text = ChartForm::plain})}};
}

}  // namespace ockham::apps
