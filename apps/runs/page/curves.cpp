#include "apps/runs/page/curves.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "apps/report/line_chart.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kPoints = 200;  ///< of a curve, at most
constexpr std::size_t kFurther = 6;   ///< charts of what else was logged, at most

/// Field and split: the points.
using Curves = std::map<std::pair<std::string, std::string>, std::vector<Point>>;

bool is_curve(const std::string& field) {
  constexpr std::array kOthers = {"v", "t", "epoch", "step", "img_s", "data_wait", "mem_mb", "top5"};
  return std::ranges::find(kOthers, field) == kOthers.end();
}

void add_line(const Json& line, Curves& curves) {
  const auto step = line.find("step"), split = line.find("split");
  if (step == line.end() || !step->is_number() || split == line.end() || !split->is_string())
    return;
  for (const auto& [field, value] : line.items()) {
    if (is_curve(field) && value.is_number() && std::isfinite(value.get<double>()))
      curves[{field, split->get<std::string>()}].push_back({step->get<double>(), value.get<double>()});
  }
}

/// Means over equal numbers of neighbours; each stands where its last point does.
std::vector<Point> thinned(const std::vector<Point>& points) {
  const std::size_t bins = std::min(points.size(), kPoints);
  std::vector<Point> result;
  for (std::size_t bin = 0; bin < bins; ++bin) {
    const std::size_t begin = bin * points.size() / bins, end = (bin + 1) * points.size() / bins;
    double sum = 0.0;
    for (std::size_t i = begin; i < end; ++i)
      sum += points[i].y;
    result.push_back({points[end - 1].x, sum / static_cast<double>(end - begin)});
  }
  return result;
}

/// Takes the curves of a field out of `curves`.
std::vector<Series> take(Curves& curves, const std::string& field, double factor = 1.0) {
  std::vector<Series> result;
  for (const char* split : {"train", "valid"}) {
    auto curve = curves.extract({field, split});
    if (curve.empty())
      continue;
    result.push_back({split, thinned(curve.mapped())});
    for (Point& point : result.back().points)
      point.y *= factor;
  }
  return result;
}

void draw(const std::vector<Series>& series, const std::string& what, std::vector<Figure>& charts) {
  const std::string svg = line_chart(
      series,
      {.x_label = "steps", .y_label = what, .holds = false, .x_text = ChartForm::plain, .y_text = ChartForm::plain});
  if (!svg.empty())
    charts.push_back({svg});
}

}  // namespace

std::vector<Figure> curves_of(const std::filesystem::path& metrics) {
  Curves curves;
  std::ifstream lines(metrics);
  for (std::string line; std::getline(lines, line);) {
    if (const Json json = Json::parse(line, nullptr, false); json.is_object())
      add_line(json, curves);
  }
  std::vector<Figure> charts;
  draw(take(curves, "loss"), "loss", charts);
  draw(take(curves, "top1", 100.0), "accuracy, %", charts);
  std::vector<Series> rate = take(curves, "lr");
  rate.resize(std::min<std::size_t>(rate.size(), 1));  // both splits have the same
  draw(rate, "learning rate", charts);
  for (std::size_t further = 0; further < kFurther && !curves.empty(); ++further) {
    const std::string field = curves.begin()->first.first;
    draw(take(curves, field), field, charts);
    std::erase_if(curves, [&](const auto& curve) { return curve.first.first == field; });
  }
  return charts;
}

}  // namespace ockham::apps
