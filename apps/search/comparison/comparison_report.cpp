#include "apps/search/comparison/comparison_report.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "apps/cli/text/format.h"
#include "apps/cli/text/spread.h"
#include "apps/report/line_chart.h"
#include "apps/search/comparison/comparison_facts.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;
using Runs = std::vector<Json>;

constexpr const char* kNothing = "–";

struct TruthColumn {
  const char* name;   // in the table of the benchmark
  const char* title;  // in the report
};
constexpr TruthColumn kTruths[] = {
    {"c10_test_200", "c10_test %"}, {"c100_test_200", "c100_test %"}, {"im120_test_200", "im120_test %"}};

Runs runs_of(const Json& comparison, const std::string& method) {
  Runs runs;
  std::ranges::copy_if(comparison["runs"], std::back_inserter(runs),
                       [&](const Json& run) { return run["method"] == method; });
  return runs;
}

/// What a field holds, where it holds a number.
std::vector<double> numbers(const Runs& runs, const std::function<Json(const Json&)>& field) {
  std::vector<double> values;
  for (const Json& run : runs) {
    const Json value = field(run);
    if (value.is_number() && std::isfinite(value.get<double>()))
      values.push_back(value.get<double>());
  }
  return values;
}

std::function<Json(const Json&)> field(const std::string& name) {
  return [name](const Json& run) { return run.value(name, Json(nullptr)); };
}

std::function<Json(const Json&)> field_in(const std::string& object, const std::string& name) {
  return [object, name](const Json& run) {
    const Json inner = run.value(object, Json(nullptr));
    return inner.is_object() ? inner.value(name, Json(nullptr)) : Json(nullptr);
  };
}

/// "93.46 +- 0.12", without a spread where there is one value.
std::string mean_text(const std::vector<double>& values, int digits) {
  if (values.empty())
    return kNothing;
  const Spread spread = spread_of(values);
  return format_fixed(spread.mean, digits) +
         (values.size() > 1 ? " ± " + format_fixed(spread.deviation, digits) : std::string());
}

/// "+1.25 ± 0.12", without an error where it is unknown.
std::string margin_text(const Margin& margin) {
  if (!std::isfinite(margin.mean))
    return kNothing;
  return (margin.mean < 0.0 ? "" : "+") + format_fixed(margin.mean, 2) +
         (std::isfinite(margin.error) ? " ± " + format_fixed(margin.error, 2) : std::string());
}

std::string number_text(const Json& value, int digits) {
  return value.is_number() && std::isfinite(value.get<double>()) ? format_fixed(value.get<double>(), digits) : kNothing;
}

std::string megabytes(const Json& run) {
  return format_bytes(run["peak_bytes"].get<std::uint64_t>());
}

/// Digits that tell short searches apart.
int digits_of_seconds(double seconds) {
  return seconds < 10.0 ? 2 : seconds < 100.0 ? 1 : 0;
}

/// With a star where a search of them was resumed.
std::string seconds_text(const Runs& runs) {
  const std::vector<double> seconds = numbers(runs, field("seconds"));
  const bool is_resumed = std::ranges::any_of(runs, [](const Json& run) { return run["resumed"].get<bool>(); });
  return mean_text(seconds, digits_of_seconds(spread_of(seconds).mean)) + (is_resumed ? "*" : "");
}

/// Titles and fields of the columns that tell how good a cell is.
std::vector<std::pair<std::string, std::function<Json(const Json&)>>> accuracy_columns(const Json& comparison) {
  std::vector<std::pair<std::string, std::function<Json(const Json&)>>> columns;
  if (!comparison["has_table"].get<bool>())
    return {{"own network, held out %", field("supernet_valid_accuracy")}};
  for (const TruthColumn& truth : kTruths)
    columns.emplace_back(truth.title, field_in("truth", truth.name));
  return columns;
}

TextTable cells_table(const Json& comparison) {
  TextTable table{{"method", "seed", "cell"}};
  const auto columns = accuracy_columns(comparison);
  for (const auto& [title, ignored] : columns)
    table.header.push_back(title);
  for (const char* title : {"skips", "parameters", "seconds", "peak memory", "collapsed"})
    table.header.emplace_back(title);
  for (const Json& method : comparison["methods"]) {
    for (const Json& run : runs_of(comparison, method["name"])) {
      const std::string cell = run["cell"].get<std::string>();
      std::vector<std::string> row{run["method"], run["seed"].dump(),
                                   cell == "genotype.json" ? run["folder"].get<std::string>() + "/" + cell : cell};
      for (const auto& [ignored, get] : columns)
        row.push_back(number_text(get(run), 2));
      row.insert(row.end(), {run["skips"].dump(), format_count(run["params"].get<std::int64_t>()), seconds_text({run}),
                             megabytes(run), run["collapsed"].get<bool>() ? "yes" : "no"});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

TextTable budget_table(const Json& comparison) {
  TextTable table{{"method", "a step takes", "steps", "images a step", "images in all", "seconds a step"}};
  const auto batch = comparison["batch_size"].get<std::int64_t>();
  for (const Json& method : comparison["methods"]) {
    const Runs runs = runs_of(comparison, method["name"]);
    const auto images = method["batches"].get<std::int64_t>() * batch;
    const auto steps = runs.empty() ? 0 : runs.front()["steps"].get<std::int64_t>();
    table.rows.push_back({method["name"], method["sees"], format_count(steps), format_count(images),
                          format_count(steps * images), mean_text(numbers(runs, field("step_seconds")), 4)});
  }
  return table;
}

/// Mean over seeds, point by point: every seed has a point after each epoch.
struct MeanCurve {
  std::vector<Point> epochs;
  std::vector<Point> end;  ///< one: the cell named in the end; none without a table
};

MeanCurve mean_curve(const Runs& runs) {
  std::size_t epochs = runs.empty() ? 0 : std::string::npos;
  for (const Json& run : runs) {
    const auto count = std::ranges::count_if(run["curve"], [](const Json& p) { return !p.contains("is_end"); });
    epochs = std::min(epochs, static_cast<std::size_t>(count));
  }
  const auto mean_of = [&](const std::function<Json(const Json&)>& point) {
    return Point{spread_of(numbers(runs, [&](const Json& run) { return point(run)["seconds"]; })).mean,
                 spread_of(numbers(runs, [&](const Json& run) { return point(run)["accuracy"]; })).mean};
  };
  MeanCurve result;
  for (std::size_t i = 0; i < epochs; ++i)
    result.epochs.push_back(mean_of([i](const Json& run) { return run["curve"][i]; }));
  const auto has_end = [](const Json& run) { return !run["curve"].empty() && run["curve"].back().contains("is_end"); };
  if (!runs.empty() && std::ranges::all_of(runs, has_end))
    result.end.push_back(mean_of([](const Json& run) { return run["curve"].back(); }));
  return result;
}

std::string accuracy_title(const Json& comparison) {
  return comparison["has_table"].get<bool>() ? "c10_test of the cell named then, %" : "own network, held out, %";
}

std::string anytime_chart(const Json& comparison) {
  std::vector<Series> series;
  for (const Json& method : comparison["methods"]) {
    const MeanCurve curve = mean_curve(runs_of(comparison, method["name"]));
    series.push_back({method["name"], curve.epochs});
    series.back().points.insert(series.back().points.end(), curve.end.begin(), curve.end.end());
  }
  return line_chart(series, {.x_label = "seconds since the first step", .y_label = accuracy_title(comparison)});
}

TextTable anytime_table(const Json& comparison) {
  TextTable table{{"method", "25 %", "50 %", "75 %", "100 %", "in the end"}};
  const auto text = [](const Point& point) {
    return format_fixed(point.y, 2) + " (" + format_fixed(point.x, digits_of_seconds(point.x)) + " s)";
  };
  for (const Json& method : comparison["methods"]) {
    const MeanCurve curve = mean_curve(runs_of(comparison, method["name"]));
    std::vector<std::string> row{method["name"]};
    for (std::size_t quarter = 1; quarter <= 4; ++quarter) {
      const std::size_t done = quarter * curve.epochs.size() / 4;
      row.push_back(done == 0 ? kNothing : text(curve.epochs[done - 1]));
    }
    row.push_back(curve.end.empty() ? kNothing : text(curve.end.front()));
    table.rows.push_back(std::move(row));
  }
  return table;
}

TextTable rank_table(const Json& comparison) {
  TextTable table{{"method", "cells", "Spearman", "Kendall"}};
  for (const Json& method : comparison["methods"]) {
    const Runs runs = runs_of(comparison, method["name"]);
    const std::vector<double> cells = numbers(runs, field_in("rank_correlation", "cells"));
    if (!cells.empty())
      table.rows.push_back({method["name"], format_fixed(cells.front(), 0),
                            mean_text(numbers(runs, field_in("rank_correlation", "spearman")), 3),
                            mean_text(numbers(runs, field_in("rank_correlation", "kendall")), 3)});
  }
  return table;
}

TextTable candidates_table(const Json& comparison) {
  TextTable table{{"method", "seed", "drawn", "distinct"}};
  const bool has_table = comparison["has_table"].get<bool>();
  if (has_table)
    table.header.insert(table.header.end(), {"chosen %", "mean %", "best %", "Spearman"});
  for (const Json& method : comparison["methods"]) {
    for (const Json& run : runs_of(comparison, method["name"])) {
      const Json& group = run["candidates"];
      if (group.is_null())
        continue;
      std::vector<std::string> row{run["method"], run["seed"].dump(), group["drawn"].dump(), group["distinct"].dump()};
      if (has_table)
        row.insert(row.end(), {number_text(group["chosen"], 2), number_text(group["mean"], 2),
                               number_text(group["best"], 2), number_text(group["spearman"], 3)});
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

std::string introduction(const Json& comparison) {
  std::string seeds;
  for (const Json& seed : comparison["seeds"])
    seeds += (seeds.empty() ? "" : ", ") + seed.dump();
  const std::string settings = comparison["method_settings"].get<std::string>();
  const std::string own = settings.empty() ? "" : " Set otherwise for one method alone: " + settings + ".";
  return concat("Space ", comparison["space"].get<std::string>(), ", data set ",
                comparison["dataset"].get<std::string>(), ", ", comparison["epochs"].get<std::int64_t>(),
                " epochs with ", comparison["batch_size"].get<std::int64_t>(), " images a batch, seeds ", seeds,
                ". Searches of one seed have the same split of the images.", own);
}

std::string table_notes(const Json& comparison) {
  std::string notes = "Mean ± sample standard deviation over seeds; the largest peak. Collapsed: ";
  if (comparison["has_table"].get<bool>())
    notes += concat("c10_test below ", kCollapsedBelow, " %, or ");
  notes += "more than half of the cell's operations are skip connections or none.";
  if (std::ranges::any_of(comparison["runs"], [](const Json& run) { return run["resumed"].get<bool>(); }))
    notes += " Seconds with * leave out the pauses of an interrupted search and its work after the last epoch.";
  return notes;
}

std::string accuracy_notes(const Json& comparison) {
  if (comparison["has_table"].get<bool>())
    return "Accuracies under c10_test, c100_test and im120_test are those of trained networks, looked up in the "
           "benchmark's table; no network was trained to its end here.";
  return "Accuracies are those of the networks that the searches themselves train, on held-out images. They differ "
         "from method to method and say little of how good the cells are; train the cells to know.";
}

}  // namespace

TextTable methods_table(const Json& comparison) {
  TextTable table{{"method"}};
  const auto columns = accuracy_columns(comparison);
  for (const auto& [title, ignored] : columns)
    table.header.push_back(title);
  for (const char* title : {"skips", "parameters", "seconds", "peak memory", "collapsed"})
    table.header.emplace_back(title);
  for (const Json& method : comparison["methods"]) {
    const Runs runs = runs_of(comparison, method["name"]);
    std::vector<std::string> row{method["name"]};
    for (const auto& [ignored, get] : columns)
      row.push_back(mean_text(numbers(runs, get), 2));
    const std::vector<double> peaks = numbers(runs, field("peak_bytes"));
    const auto collapsed = std::ranges::count_if(runs, [](const Json& run) { return run["collapsed"].get<bool>(); });
    const auto params = spread_of(numbers(runs, field("params"))).mean;
    row.insert(row.end(), {mean_text(numbers(runs, field("skips")), 1), format_count(std::llround(params)),
                           seconds_text(runs), format_bytes(static_cast<std::uint64_t>(std::ranges::max(peaks))),
                           concat(collapsed, " of ", runs.size())});
    table.rows.push_back(std::move(row));
  }
  return table;
}

TextTable margins_table(const Json& comparison) {
  TextTable table{{"better than a random cell by"}};
  if (!comparison["has_table"].get<bool>())
    return table;
  for (const TruthColumn& truth : kTruths)
    table.header.emplace_back(truth.title);
  for (const Json& method : comparison["methods"]) {
    const Runs runs = runs_of(comparison, method["name"]);
    std::vector<std::string> row{method["name"]};
    for (const TruthColumn& truth : kTruths) {
      const std::vector<double> accuracies = numbers(runs, field_in("truth", truth.name));
      row.push_back(margin_text(margin_over(accuracies, comparison["random_mean"][truth.name].get<double>())));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

std::string margins_note() {
  return "Mean over seeds less the mean of all cells of the table that transmit something, ± the standard error of the "
         "difference.";
}

Document comparison_report(const Json& comparison) {
  Document report{"Search methods compared: " + comparison["name"].get<std::string>()};
  std::vector<Block>& blocks = report.blocks;
  const bool has_table = comparison["has_table"].get<bool>();
  blocks = {Paragraph{introduction(comparison)}, Paragraph{accuracy_notes(comparison)}, Heading{"Methods"},
            methods_table(comparison), Paragraph{table_notes(comparison)}};
  if (TextTable table = margins_table(comparison); !table.rows.empty())
    blocks.insert(blocks.end(), {std::move(table), Paragraph{margins_note()}});
  const std::vector<Block> details{
      Heading{"Cells"},
      cells_table(comparison),
      Heading{"Budget"},
      budget_table(comparison),
      Paragraph{"Seconds a step: the median of each search, with whatever the machine did beside it."},
      Heading{"Accuracy over time"},
      Figure{anytime_chart(comparison)},
      Paragraph{"By part of the epochs, mean over seeds: " + accuracy_title(comparison) +
                ". In the end: the cell that the method named after its last step."},
      anytime_table(comparison)};
  blocks.insert(blocks.end(), details.begin(), details.end());
  if (TextTable table = rank_table(comparison); !table.rows.empty())
    blocks.insert(blocks.end(), {Heading{"Scores of the search network against the truth"}, std::move(table)});
  if (TextTable table = candidates_table(comparison); !table.rows.empty()) {
    blocks.insert(blocks.end(), {Heading{"Candidates"}, std::move(table)});
    if (has_table)
      blocks.push_back(
          Paragraph{"By c10_test: chosen, the one named; mean, of all weighted by how often each was drawn; best, what "
                    "a perfect choice would have given; Spearman, of the method's scores with the truth."});
  }
  blocks.insert(blocks.end(), {Heading{"Settings"}, Preformatted{comparison["command"].get<std::string>()},
                               Preformatted{comparison["settings"].get<std::string>()}});
  return report;
}

}  // namespace ockham::apps
