#include "apps/runs/page/posterior_section.h"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "apps/report/bar_chart.h"
#include "apps/report/correlation_matrix.h"
#include "apps/report/line_chart.h"
#include "apps/runs/page/json_text.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;
using Blocks = std::vector<Block>;

constexpr const char* kFile = "posterior.json";
constexpr std::size_t kRows = 400;    ///< of a table, at most
constexpr std::size_t kBars = 60;     ///< the strongest
constexpr std::size_t kSquares = 60;  ///< a side

std::string group_name(const Json& group) {
  return text_at(group, "choice") + " " + text_at(group, "option");
}

bool has_strength(const Json& group) {
  return group.contains("strength") && group["strength"].is_number();
}

/// Of an edge's own switch that of all of the edge.
double strength_of(const Json& group) {
  const bool is_edge = group.value("option", "") == "origin" && group.contains("block");
  return value_of<double>(group, is_edge ? "block" : "strength", kFile);
}

Blocks strength_bars(const Json& groups) {
  std::vector<Bar> bars;
  for (const Json& group : groups) {
    if (has_strength(group))
      bars.push_back({.name = group_name(group),
                      .value = std::max(0.0, strength_of(group)),
                      .is_filled = value_of<double>(group, "kept", kFile, 1.0) != 0.0});
  }
  std::ranges::stable_sort(bars, std::greater<>(), &Bar::value);
  const std::size_t all = bars.size();
  bars.resize(std::min(all, kBars));
  if (bars.empty())
    return {};
  Blocks blocks{Heading{"Strengths"},
                Paragraph{"Evidence in nats that is lost without a group, and without a whole edge (origin); those in "
                          "outline were pruned."},
                Figure{bar_chart(bars, "strengths")}};
  if (all > bars.size())
    blocks.push_back(Paragraph{concat("The strongest ", bars.size(), " of ", all, ".")});
  return blocks;
}

Blocks correlation_picture(const Json& posterior, const Json& groups) {
  if (!posterior.contains("correlation"))
    return {};
  const auto places = value_of<std::vector<std::size_t>>(posterior["correlation"], "groups", kFile);
  const auto rows = value_of<std::vector<std::vector<double>>>(posterior["correlation"], "matrix", kFile);
  const std::size_t shown = std::min(places.size(), kSquares);
  std::vector<std::string> names;
  std::vector<double> values;
  for (std::size_t i = 0; i < shown; ++i) {
    names.push_back(group_name(groups.at(places[i])));
    for (std::size_t j = 0; j < shown; ++j)
      values.push_back(rows.at(i).at(j));
  }
  if (names.empty())
    return {};
  Blocks blocks{Heading{"What stands in for what"},
                Paragraph{"Correlations of the groups' switches in the posterior of those that are present. Where one "
                          "can rise as the other falls (the second colour), they do the same work."},
                Figure{correlation_matrix(names, values)}};
  if (shown < places.size())
    blocks.push_back(Paragraph{concat("The first ", shown, " of ", places.size(), "; posterior.json has all.")});
  return blocks;
}

/// A field of the path's points against the logarithm of its knob.
Figure path_chart(const Json& points, const std::string& knob, const char* field, const char* label) {
  Series series{label};
  for (const Json& point : points) {
    const auto x = std::log10(value_of<double>(point, knob.c_str(), kFile));
    if (std::isfinite(x) && point.contains(field) && point[field].is_number())
      series.points.push_back({x, point[field].get<double>()});
  }
  std::ranges::reverse(series.points);  // the strictest stands first
  const std::string svg = line_chart({series}, {.x_label = "log10 " + knob,
                                                .y_label = label,
                                                .holds = false,
                                                .x_text = ChartForm::plain,
                                                .y_text = ChartForm::plain});
  return {svg};
}

/// Whole numbers are stored as others are.
std::string number_text(const Json& object, const std::string& name) {
  const auto number = value_of<double>(object, name.c_str(), kFile);
  return number == std::round(number) && std::abs(number) < 1e15 ? format_count(std::llround(number))
                                                                 : ChartForm::plain(number);
}

Blocks path_charts(const Json& posterior) {
  if (!posterior.contains("path"))
    return {};
  const Json& path = posterior["path"];
  const auto knob = value_of<std::string>(path, "knob", kFile);
  const auto points = value_of<Json>(path, "points", kFile);
  const auto& chosen = points.at(value_of<std::size_t>(path, "chosen", kFile));
  const auto limits = value_of<Json>(path, "limits", kFile);
  std::string options;
  for (const auto& [name, limit] : limits.items())
    options += concat(" --", name, ' ', number_text(limits, name));
  Blocks blocks{Heading{"Sparsity to order"},
                Paragraph{concat("The largest network within", options, ", of ", points.size(), " tried is that of ",
                                 knob, ' ', number_text(chosen, knob), ", with ", number_text(chosen, "kept"),
                                 " groups, ", number_text(chosen, "params"), " parameters and ",
                                 number_text(chosen, "macs"), " multiply-accumulates an image.")}};
  for (const auto& [field, label] :
       std::initializer_list<std::pair<const char*, const char*>>{{"params", "parameters"},
                                                                  {"macs", "multiply-accumulates"},
                                                                  {"latency_ms", "latency, ms"},
                                                                  {"kept", "groups kept"},
                                                                  {"evidence", "evidence, nats"}}) {
    if (Figure chart = path_chart(points, knob, field, label); !chart.svg.empty())
      blocks.push_back(std::move(chart));
  }
  return blocks;
}

Blocks reason_table(const Json& groups) {
  TextTable table{{"choice", "option", "why"}, {}, true};
  for (const Json& group : groups) {
    if (group.contains("reason") && table.rows.size() < kRows)
      table.rows.push_back({text_at(group, "choice"), text_at(group, "option"), text_at(group, "reason")});
  }
  if (table.rows.empty())
    return {};
  return {Heading{"Why"}, std::move(table)};
}

TextTable number_table(const Json& groups) {
  TextTable table;
  for (const auto& [name, value] : groups.front().items()) {
    if (!value.is_structured() && name != "reason")
      table.header.push_back(name);
  }
  for (std::size_t row = 0; row < std::min(groups.size(), kRows); ++row) {
    table.rows.emplace_back();
    for (const std::string& name : table.header)
      table.rows.back().push_back(text_at(groups[row], name.c_str()));
  }
  return table;
}

Blocks round_table(const Json& posterior) {
  if (!posterior.contains("rounds") || posterior["rounds"].size() < 2)
    return {};
  TextTable table{{"round", "log evidence of an image", "loss", "strengths moved by", "groups pruned"}, {}, true};
  for (const Json& round : posterior["rounds"])
    table.rows.push_back({text_at(round, "round"), text_at(round, "evidence_per_image"), text_at(round, "loss"),
                          text_at(round, "strengths_moved"), text_at(round, "pruned")});
  return {Heading{"Rounds"},
          Paragraph{"What each measured before it pruned, all on the same images, in nats; strengths against those of "
                    "the round before. They end when the evidence no longer rises."},
          std::move(table)};
}

/// What was pruned, in words.
std::string threshold_text(const Json& posterior) {
  const bool by_evidence = posterior.contains("evidence");
  const std::string what = by_evidence ? "strengths" : "variances", unit = by_evidence ? " nats" : "";
  return concat("Pruned at ", what, " up to ", text_at(posterior, "threshold"), unit, ".",
                by_evidence ? " The evidence of all together is " + text_at(posterior, "evidence") + " nats." : "");
}

}  // namespace

std::vector<Block> posterior_section(const Json& posterior) {
  const auto groups = value_of<Json>(posterior, "groups", kFile);
  if (groups.empty())
    return {};
  Blocks blocks{Heading{"Posterior"}, Paragraph{"What the search knows of every choice of its cells."}};
  if (posterior.contains("threshold"))
    blocks.push_back(Paragraph{threshold_text(posterior)});
  blocks.push_back(number_table(groups));
  if (groups.size() > kRows)
    blocks.push_back(Paragraph{concat("The first ", kRows, " of ", groups.size(), "; posterior.json has all.")});
  for (Blocks& more : std::vector{round_table(posterior), path_charts(posterior), strength_bars(groups),
                                  correlation_picture(posterior, groups), reason_table(groups)})
    std::ranges::move(more, std::back_inserter(blocks));
  return blocks;
}

}  // namespace ockham::apps
