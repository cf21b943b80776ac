#include "apps/runs/page/run_page.h"

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <numeric>

#include "apps/cli/text/format.h"
#include "apps/report/confusion_matrix.h"
#include "apps/runs/page/compression_section.h"
#include "apps/runs/page/curves.h"
#include "apps/runs/page/json_text.h"
#include "apps/runs/page/nas_checklist.h"
#include "apps/runs/page/posterior_section.h"
#include "apps/runs/page/sweep_section.h"
#include "engine/json_file.h"

namespace ockham::apps {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using Blocks = std::vector<Block>;

constexpr std::size_t kMatrixClasses = 30;  ///< more have a list of confusions
constexpr std::size_t kConfusions = 30;     ///< in that list

void append(Blocks& blocks, Blocks more) {
  std::ranges::move(more, std::back_inserter(blocks));
}

std::string content_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// "ockham-train --lr=0.1": what repeats the run, given the same data.
std::string command_of(const Json& run) {
  std::string command = "ockham-" + value_of<std::string>(run, "app", "run.json");
  for (const std::string& argument : value_of<std::vector<std::string>>(run, "arguments", "run.json", {}))
    command += " " + shell_quoted(argument);
  return command;
}

std::string status_of(const Json& run) {
  const Json exit = run.value("exit", Json());
  const std::string end = text_at(run, "end");
  if (exit == 0)
    return concat("Finished at ", end, ".");
  if (exit == 75)
    return concat("Stopped on request at ", end, "; it can go on.");
  if (exit.is_null())
    return "It was running when this page was written.";
  return concat("Failed at ", end, " with exit code ", exit.dump(), ": ", text_at(run, "error"));
}

Blocks what_ran(const Json& run) {
  const std::string commit = run.value("commit", "");
  TextTable facts{{"of the run", ""}, {}, true};
  facts.rows = {{"program", concat("ockham-", text_at(run, "app"), " ", text_at(run, "version"), " ", commit)},
                {"device", text_at(run, "device")},
                {"processor", text_at(run, "cpu")},
                {"threads", text_at(run, "threads")},
                {"begun", text_at(run, "start")},
                {"ended", text_at(run, "end")}};
  if (run.contains("resumed"))
    facts.rows.push_back({"resumed", concat(run["resumed"].size(), " times")});
  if (const Json data = run.value("data", Json()); data.is_object()) {
    facts.rows.push_back({"data", concat(text_at(data, "name"), ", ", text_at(data, "classes"), " classes, images ",
                                         data.value("shape", Json()).dump())});
    for (const char* part : {"train", "valid", "test"}) {
      if (data.contains(part))
        facts.rows.push_back({concat(part, " images"),
                              concat(text_at(data[part], "images"), ", SHA-256 ", text_at(data[part], "digest"))});
    }
  }
  return {Heading{"What ran"}, Preformatted{command_of(run)},
          Paragraph{"Options that are not named have their defaults; all of them are at the end of the page."},
          std::move(facts)};
}

Blocks results(const Json& summary) {
  TextTable table{{"result", "value"}};
  for (const auto& [name, value] : summary.items()) {
    if (!value.is_structured() && !value.is_null() && name != "cell")  // which has a section
      table.rows.push_back({name, text_of(value)});
  }
  if (const Json truth = summary.value("truth", Json()); truth.is_object()) {
    for (const auto& [column, accuracy] : truth.items())
      table.rows.push_back({"table: " + column, text_of(accuracy)});
  }
  Blocks blocks{Heading{"Results"}, std::move(table)};
  if (const Json spreads = summary.value("spread", Json()); spreads.is_object()) {
    TextTable scatter{{"of several seeds", "n", "mean", "sd", "min", "max"}};
    for (const auto& [name, spread] : spreads.items()) {
      if (spread.is_object())
        scatter.rows.push_back({name, text_at(spread, "n"), text_at(spread, "mean"), text_at(spread, "sd"),
                                text_at(spread, "min"), text_at(spread, "max")});
    }
    blocks.push_back(std::move(scatter));
  }
  return blocks;
}

Blocks curves(const fs::path& run) {
  std::vector<Figure> charts = curves_of(run / "metrics.jsonl");
  Blocks blocks;
  if (charts.empty())
    return blocks;
  blocks.push_back(Heading{"Curves"});
  std::ranges::move(charts, std::back_inserter(blocks));
  return blocks;
}

Blocks cells(const fs::path& run) {
  std::vector<fs::path> drawings;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(run / "cells", none)) {
    if (entry.path().extension() == ".svg")
      drawings.push_back(entry.path());
  }
  std::ranges::sort(drawings);
  Blocks blocks;
  const std::string cell = content_of(run / "cell.txt");
  if (cell.empty() && drawings.empty())
    return blocks;
  blocks.push_back(Heading{"Cells"});
  if (!cell.empty())
    blocks.push_back(Preformatted{cell});
  for (const fs::path& drawing : drawings) {
    if (std::string svg = content_of(drawing); svg.starts_with("<svg"))
      blocks.push_back(Figure{std::move(svg)});
  }
  if (!drawings.empty())
    blocks.push_back(Paragraph{"The stronger an edge, the wider; grey ones are pruned."});
  return blocks;
}

/// predictions.json.
struct Predicted {
  explicit Predicted(const Json& json)
      : split(value_of<std::string>(json, "split", kName)),
        classes(value_of<std::vector<std::string>>(json, "classes", kName)),
        confusion(value_of<std::vector<std::array<std::int64_t, 3>>>(json, "confusion", kName)),
        worst(value_of<Json>(json, "worst", kName)) {
    for (const auto& [label, predicted, images] : confusion)
      name(label), name(predicted);
  }
  /// @throws CheckpointError where there is no such class
  const std::string& name(std::int64_t label) const {
    if (label < 0 || label >= std::ssize(classes))
      throw CheckpointError(concat(kName, ": there is no class ", label, "; it is damaged."));
    return classes[static_cast<std::size_t>(label)];
  }

  static constexpr const char* kName = "predictions.json";
  std::string split;
  std::vector<std::string> classes;
  std::vector<std::array<std::int64_t, 3>> confusion;
  Json worst;
};

TextTable class_table(const Predicted& predicted) {
  std::vector<std::int64_t> images(predicted.classes.size()), right(images.size()), taken(images.size());
  for (const auto& [label, guess, count] : predicted.confusion) {
    images[static_cast<std::size_t>(label)] += count;
    taken[static_cast<std::size_t>(guess)] += count;
    if (label == guess)
      right[static_cast<std::size_t>(label)] += count;
  }
  const auto percent = [](std::int64_t part, std::int64_t all) {
    return all == 0 ? "–" : format_fixed(100.0 * static_cast<double>(part) / static_cast<double>(all), 2);
  };
  TextTable table{{"class", "images", "accuracy %", "predicted", "of these right %"}};
  for (std::size_t c = 0; c < images.size(); ++c)
    table.rows.push_back({predicted.classes[c], format_count(images[c]), percent(right[c], images[c]),
                          format_count(taken[c]), percent(right[c], taken[c])});
  return table;
}

Block confusions(const Predicted& predicted) {
  if (const std::size_t classes = predicted.classes.size(); classes <= kMatrixClasses) {
    std::vector counts(classes, std::vector<std::int64_t>(classes));
    for (const auto& [label, guess, count] : predicted.confusion)
      counts[static_cast<std::size_t>(label)][static_cast<std::size_t>(guess)] = count;
    return Figure{confusion_matrix(predicted.classes, counts)};
  }
  auto pairs = predicted.confusion;
  std::erase_if(pairs, [](const auto& pair) { return pair[0] == pair[1]; });
  std::ranges::stable_sort(pairs, std::greater<>(), [](const auto& pair) { return pair[2]; });
  pairs.resize(std::min(pairs.size(), kConfusions));
  TextTable table{{"class", "taken for", "images"}};
  for (const auto& [label, guess, count] : pairs)
    table.rows.push_back({predicted.name(label), predicted.name(guess), format_count(count)});
  return table;
}

Gallery worst_images(const Predicted& predicted) {
  Gallery gallery;
  for (const Json& one : predicted.worst)
    gallery.pictures.push_back(
        {.png = value_of<std::string>(one, "png", Predicted::kName),
         .caption = concat(predicted.name(value_of<std::int64_t>(one, "label", Predicted::kName)), " taken for ",
                           predicted.name(value_of<std::int64_t>(one, "predicted", Predicted::kName)), ", p ",
                           text_at(one, "probability"), ", image ", text_at(one, "image"))});
  return gallery;
}

Blocks predictions(const Json& json) {
  const Predicted predicted(json);
  Blocks blocks{Heading{concat("Classes of the ", predicted.split, " images")}, class_table(predicted),
                Heading{"Confusions"}, Paragraph{"True classes in rows, predicted ones in columns."},
                confusions(predicted)};
  if (!predicted.worst.empty())
    append(blocks, {Heading{"Worst images"}, Paragraph{"Wrongly classified, of the largest loss first."},
                    worst_images(predicted)});
  return blocks;
}

/// What a search page says of the predictions, whose network is not that of the cell.
Blocks network_of_predictions(const fs::path& folder, const Json& run) {
  if (fs::exists(folder / "predictions.json"))
    return {Heading{"Predictions of the search network"},
            Paragraph{
                "Of images that its weights did not learn from, by the search network as the search left it (of random "
                "search: the last candidate). It is not the network of the cell that was found: the page of that "
                "one's training has these sections too."}};
  if (run.value("exit", Json()) != 0)
    return {};
  return {
      Heading{"Confusions"},
      Paragraph{"There is nothing to show: this search held no images back (--valid-size 0), and no network has been "
                "tested. The page of the training of its cell has classes, confusions and the worst images."}};
}

Blocks how_to_go_on(const fs::path& folder, const Json& run) {
  Blocks blocks{Heading{"How to go on"}};
  const std::string program = "ockham-" + value_of<std::string>(run, "app", "run.json");
  const auto add = [&](const std::string& what, const std::string& command) {
    append(blocks, {Paragraph{what}, Preformatted{command}});
  };
  const bool is_finished = run.value("exit", Json()) == 0;
  const bool draws = value_of<std::string>(run, "app", "run.json") != "evaluate";  // random numbers, and can go on
  if (!is_finished && draws && fs::exists(folder / "config.ini"))
    add("Go on from the last checkpoint:", program + " --resume " + shell_quoted(folder.string()));
  if (is_finished) {
    for (const Json& step : value_of<Json>(run, "next", "run.json", Json::array()))
      add(value_of<std::string>(step, "what", "next"), value_of<std::string>(step, "command", "next"));
  }
  add(draws ? "Do it once more, elsewhere; another --seed shows the scatter:" : "Do it once more, elsewhere:",
      concat(program, " --config ", shell_quoted((folder / "config.ini").string()), " --out DIR",
             draws ? " --seed N" : ""));
  return blocks;
}

/// A section made of a file of JSON, nothing where that is not there.
Blocks section_of(const fs::path& file, const std::function<Blocks(const Json&)>& make) {
  if (!fs::exists(file))
    return {};
  try {
    return make(read_json(file));
  } catch (const std::exception& e) {
    return {Paragraph{concat(file.filename().string(), " cannot be shown: ", e.what())}};
  }
}

}  // namespace

Document page_of(const fs::path& folder) {
  const Json run = read_json(folder / "run.json");
  const std::string app = value_of<std::string>(run, "app", "run.json");
  Document page{concat("ockham-", app, ": ", folder.filename().string()), {Paragraph{status_of(run)}}};
  Json summary;
  append(page.blocks, what_ran(run));
  append(page.blocks, section_of(folder / "summary.json", [&](const Json& json) {
           summary = json;
           return results(json);
         }));
  append(page.blocks, curves(folder));
  append(page.blocks, cells(folder));
  append(page.blocks, section_of(folder / "posterior.json", posterior_section));
  append(page.blocks, section_of(folder / "compression.json", compression_section));
  append(page.blocks, section_of(folder / "sweep.json", sweep_section));
  if (app == "search")
    append(page.blocks, network_of_predictions(folder, run));
  append(page.blocks, section_of(folder / "predictions.json", predictions));
  if (app == "search")
    append(page.blocks, {Heading{"Checklist for research on architecture search"},
                         Paragraph{"Of Lindauer and Hutter 2020 (JMLR 21, 243), in short, answered by what the run "
                                   "knows; the rest is yours to answer."},
                         nas_checklist(run, summary)});
  append(page.blocks, how_to_go_on(folder, run));
  append(page.blocks, {Heading{"Options"}, Preformatted{content_of(folder / "config.ini")}});
  return page;
}

}  // namespace ockham::apps
