#include "apps/runs/page/compression_section.h"

#include <algorithm>

#include "apps/cli/text/format.h"
#include "apps/report/line_chart.h"
#include "apps/runs/page/json_text.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;
using Blocks = std::vector<Block>;

constexpr const char* kCompressionFile = "compression.json";

template <class T>
T get(const Json& json, const char* name) {
  return value_of<T>(json, name, kCompressionFile);
}

std::string percent(double part, double whole) {
  return whole > 0.0 ? format_fixed(100.0 * part / whole, 2) + " %" : "–";
}

TextTable sizes(const Json& json) {
  const Json dense = get<Json>(json, "dense"), small = get<Json>(json, "small");
  TextTable table{{"", "before", "after", "left"}};
  const auto row = [&](const char* name, const char* what, int digits) {
    const double before = get<double>(dense, name), after = get<double>(small, name);
    table.rows.push_back({what, format_fixed(before, digits), format_fixed(after, digits), percent(after, before)});
  };
  row("params", "parameters", 0);
  row("macs", "multiply-accumulates an image", 0);
  row("milliseconds_one", "milliseconds, one image", 3);
  row("milliseconds_hundred", "milliseconds, a hundred images", 3);
  return table;
}

Blocks curve(const Json& json) {
  Series series{"validation accuracy %"};
  TextTable table{{"cycle", "parameters", "multiply-accumulates", "validation loss", "validation accuracy %"}};
  const Json points = get<Json>(json, "points");
  const auto time_of = [](const Json& point) { return point.value("milliseconds", Json()); };
  const bool is_timed = std::ranges::any_of(points, [&](const Json& point) { return time_of(point).is_number(); });
  if (is_timed)
    table.header.emplace_back("milliseconds, as limited");
  std::size_t cycle = 0;
  for (const Json& point : points) {
    const double params = get<double>(point, "params"), accuracy = 100.0 * get<double>(point, "accuracy");
    const bool is_known = accuracy > 0.0;
    if (is_known)
      series.points.push_back({params, accuracy});
    table.rows.push_back({std::to_string(cycle++), format_fixed(params, 0), format_fixed(get<double>(point, "macs"), 0),
                          is_known ? format_fixed(get<double>(point, "loss"), 4) : "–",
                          is_known ? format_fixed(accuracy, 2) : "–"});
    if (is_timed)
      table.rows.back().push_back(text_of(time_of(point)));
  }
  std::ranges::stable_sort(series.points, {}, &Point::x);
  Blocks blocks{Heading{"Accuracy against size"},
                Paragraph{"At the end of each cycle, right after pruning; 0 is before the first."}, std::move(table)};
  if (series.points.size() > 1)
    blocks.push_back(Figure{line_chart({series}, {.x_label = "parameters that are not pruned",
                                                  .y_label = "validation accuracy %",
                                                  .holds = false,
                                                  .x_text = ChartForm::plain})});
  return blocks;
}

TextTable layers(const Json& json) {
  TextTable table{{"parameter", "shape", "shape left", "weights", "not zero", "left", "bits"}};
  for (const Json& layer : get<Json>(json, "layers")) {
    const double weights = get<double>(layer, "weights"), kept = get<double>(layer, "kept");
    table.rows.push_back({get<std::string>(layer, "name"), get<Json>(layer, "dense").dump(),
                          get<Json>(layer, "small").dump(), format_fixed(weights, 0), format_fixed(kept, 0),
                          percent(kept, weights), text_at(layer, "bits")});
  }
  return table;
}

Gallery pictures(const Json& json) {
  Gallery gallery;
  for (const Json& one : json)
    gallery.pictures.push_back({.png = get<std::string>(one, "png"), .caption = get<std::string>(one, "caption")});
  return gallery;
}

}  // namespace

Blocks compression_section(const Json& json) {
  Blocks blocks{Heading{"Compression"}, sizes(json)};
  std::ranges::move(curve(json), std::back_inserter(blocks));
  blocks.push_back(Heading{"Layers"});
  blocks.push_back(layers(json));
  if (const Json bytes = json.value("bytes_at_bits", Json()); bytes.is_number())
    blocks.push_back(Paragraph{
        concat("With so many bits a weight, by which rounding costs half a nat a weight at most by the diagonal of the "
               "posterior, weights would take ",
               format_bytes(static_cast<std::size_t>(bytes.get<double>())), " and not ",
               format_bytes(static_cast<std::size_t>(4.0 * get<double>(get<Json>(json, "small"), "params"))),
               "; an estimate: they are saved at full width.")});
  if (const Json first = json.value("pictures", Json::array()); !first.empty()) {
    blocks.push_back(Heading{"What the first layer looks at"});
    blocks.push_back(pictures(first));
  }
  return blocks;
}

}  // namespace ockham::apps
