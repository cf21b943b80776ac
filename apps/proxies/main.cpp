// ockham-proxies: how well do training-free proxies rank the cells of NAS-Bench-201? Scores random cells at their
// initialisation and correlates every proxy with the accuracies that the published table knows.
#include <cmath>
#include <functional>
#include <iostream>

#include "apps/cli/output_path.h"
#include "apps/cli/progress.h"
#include "apps/cli/text/format.h"
#include "apps/runs/inputs/batches.h"
#include "apps/runs/inputs/datasets.h"
#include "apps/runs/program.h"
#include "engine/atomic_file.h"
#include "nas/proxies/registry.h"
#include "nas/proxies/selection.h"
#include "nas/rank_correlation.h"
#include "nas/spaces/nasbench201/search_space.h"
#include "nas/spaces/nasbench201/table.h"

namespace ockham::apps {
namespace {

using Json = nlohmann::ordered_json;
using namespace nas::nasbench201;

struct ProxySettings {
  ComputeSettings compute;
  DataSettings data;
  std::int64_t count = 1000;
  std::string table;
  std::string proxies;  ///< empty: all
  bool list = false;
  std::int64_t channels = 16;
  std::int64_t cells = 5;
  std::int64_t batch_size = 16;
  std::int64_t regions = 1000;
  std::string csv;

  std::uint64_t seed() const { return static_cast<std::uint64_t>(compute.seed); }
};

void describe(ProxySettings& s, SettingVisitor& v) {
  describe(s.compute, v, {{"fp32", NumberFormat::kFp32}});  // a proxy that needs float64 takes it
  describe(s.data, v);
  v.group("Proxies");
  v.count("count", s.count, "random cells that transmit something", {.min = 3, .max = 15284});
  v.text("table", s.table, "CSV file of NAS-Bench-201, plain or gzipped", "FILE");
  v.text("proxies", s.proxies, "which ones, of those that --list prints [all]", "NAME,NAME,...");
  v.flag("list", s.list, "print the names of the proxies and exit");
  v.count("channels", s.channels, "channels of the first stage", {.min = 1, .max = 1024});
  v.count("cells", s.cells, "cells a stage", {.min = 1, .max = 100});
  v.count("batch-size", s.batch_size, "images that a proxy sees", {.min = 2, .max = 4096});
  v.count("regions", s.regions, "crops of 4x4 pixels that linear_regions sees", {.min = 2, .max = 100000});
  v.text("csv", s.csv, "write every cell's scores to this file", "FILE", output_file_complaint);
}

/// Linear regions have a network of their own: one channel, one cell a stage. 4x4 crops, for it halves maps twice.
double regions_of(const Cell& cell, const Tensor& images, std::int64_t crops, std::uint64_t seed) {
  Initial initial{.seed = seed};
  Network network(cell, {.channels = 1, .cells_per_stage = 1, .image_channels = 1}, initial);
  const nas::SearchNetwork subject{
      .module = &network, .forward = [&](const Context& c, const Variable& x) { return network.forward(c, x); }};
  return static_cast<double>(nas::proxies::linear_regions(subject, nas::proxies::random_crops(images, crops, 4, seed)));
}

class Study {
 public:
  Study(Session& session, const ProxySettings& settings)
      : session_(session),
        settings_(settings),
        names_(names_of(settings.proxies)),
        space_({.channels = settings.channels, .cells_per_stage = settings.cells}),
        table_(open_table(settings.table)),
        scores_(names_.size()) {}

  int run() {
    const nas::Batch batch = first_batch();
    const nas::Batch wide{.images = batch.images.to(DType::kFloat64), .labels = batch.labels};
    Progress progress(session_.log(), "proxies", settings_.count);
    for (std::uint64_t i = 0; static_cast<std::int64_t>(cells_.size()) < settings_.count; ++i) {
      const Cell cell = parse_cell(nas::random_cell(space_, {settings_.seed(), Purpose::kArchitecture, i}));
      if (!is_connected(cell) || std::ranges::find(cells_, cell) != cells_.end())
        continue;
      score(cell, batch, wide);
      progress.advance(1, 0.0, code(cell));
      if (stop_requested())
        return kStopped;
    }
    progress.finish();
    report();
    return kDone;
  }

 private:
  static constexpr const char* kRegions = "linear_regions";

  static std::vector<std::string> names_of(const std::string& list) {
    std::vector<std::string> names;
    if (!list.empty()) {
      names = split_list(list);
    } else {
      for (const nas::proxies::Proxy& proxy : nas::proxies::all())
        names.push_back(proxy.name);
      names.emplace_back(kRegions);
    }
    for (const std::string& name : names) {
      if (name != kRegions)
        nas::proxies::find(name);
      if (std::ranges::count(names, name) > 1)
        throw UsageError(concat("--proxies: ", name, " is named twice; keep one."));
    }
    return names;
  }

  static Table open_table(const std::string& path) {
    if (path.empty())
      throw UsageError(
          "--table is missing: name the CSV file of NAS-Bench-201, whose accuracies proxies are judged by.");
    return Table::load(path);
  }

  nas::Batch first_batch() const {
    const data::Splits splits = open_splits(settings_.data, settings_.seed());
    log_data(splits, session_.log());
    const data::DatasetPtr dataset = splits.train;
    if (dataset->classes() != 10 || dataset->shape().channels != 3)
      throw UsageError(concat("--dataset ", settings_.data.images.dataset, ": has ", dataset->classes(),
                              " classes and ", dataset->shape().channels,
                              " channels; the cells' networks take 10 and 3."));
    return sample_batch(dataset, settings_.batch_size, settings_.seed(), 0, DType::kFloat32);
  }

  void score(const Cell& cell, const nas::Batch& batch, const nas::Batch& wide) {
    const std::string text = to_string(cell);
    Initial narrow_initial{.seed = settings_.seed()}, wide_initial{.seed = settings_.seed(), .dtype = DType::kFloat64};
    const nas::OwnedNetwork narrow = space_.make_network(text, narrow_initial);
    const nas::OwnedNetwork exact = space_.make_network(text, wide_initial);
    for (std::size_t p = 0; p < names_.size(); ++p) {
      if (names_[p] == kRegions) {
        scores_[p].push_back(regions_of(cell, batch.images, settings_.regions, settings_.seed()));
        continue;
      }
      const nas::proxies::Proxy& proxy = nas::proxies::find(names_[p]);
      scores_[p].push_back(proxy.wants_double ? proxy.score(exact.network, wide) : proxy.score(narrow.network, batch));
    }
    cells_.push_back(cell);
  }

  std::vector<double> truth(Column column) const {
    std::vector<double> accuracies;
    for (const Cell& cell : cells_)
      accuracies.push_back(table_.at(cell)[column]);
    return accuracies;
  }

  using Scores = std::vector<std::vector<double>>;

  /// What `combine` makes of other proxies, where all of them were taken.
  void add(const std::string& name, std::initializer_list<const char*> of,
           std::vector<double> (*combine)(std::span<const std::vector<double>>)) {
    Scores parts;
    for (const char* part : of) {
      const auto it = std::ranges::find(names_, part);
      if (it == names_.end())
        return;
      parts.push_back(scores_[static_cast<std::size_t>(it - names_.begin())]);
    }
    names_.push_back(name);
    scores_.push_back(combine(parts));
  }

  static std::vector<double> sums(std::span<const std::vector<double>> parts) {
    std::vector<double> result(parts[0].size());
    for (const std::vector<double>& part : parts)
      std::ranges::transform(result, part, result.begin(), std::plus{});
    return result;
  }

  /// The vote of Abdelfattah et al. 2021; of Tybl and Neumann 2025 the score of one network and, of the five ranks of
  /// their aggregate, the three that are here: expressivity and trainability of Lee and Ham 2024 are missing.
  void add_combinations() {
    add("vote", {"synflow", "jacobian_covariance", "snip"}, nas::proxies::votes);
    add("vkdnw", {"tensors", "fisher_spectrum"}, sums);
    add("vkdnw_ranks", {"vkdnw", "jacobian_covariance", "macs"}, nas::proxies::log_rank_sums);
  }

  /// A cell that is one point better gains twice as much, as in Tybl and Neumann 2025.
  static std::vector<double> gains_of(std::vector<double> accuracies) {
    std::ranges::transform(accuracies, accuracies.begin(), [](double accuracy) { return std::exp2(accuracy); });
    return accuracies;
  }

  void report() {
    for (std::vector<double>& scores : scores_)
      scores = nas::without_nan(std::move(scores));
    add_combinations();
    constexpr std::array kTests{Column::kC10Test, Column::kC100Test, Column::kIm120Test};
    const std::size_t head = std::max<std::size_t>(1, cells_.size() / 10);
    Json rows = Json::array();
    std::cout << "Spearman / Kendall / nDCG over " << cells_.size() << " random cells with CIFAR-10, CIFAR-100 and "
              << "ImageNet16-120 test accuracy\nnDCG: of the " << head
              << " cells ranked first, a cell's gain doubling with every point of accuracy\n";
    for (std::size_t p = 0; p < names_.size(); ++p) {
      Json row{{"proxy", names_[p]}};
      std::cout << padded(names_[p], 22);
      for (const Column column : kTests) {
        const std::vector<double> accuracies = truth(column);
        const double rho = nas::spearman(scores_[p], accuracies), tau = nas::kendall(scores_[p], accuracies);
        const double gain = nas::ndcg(scores_[p], gains_of(accuracies), head);
        row[std::string(kColumns[static_cast<std::size_t>(column)])] = {
            {"spearman", rho}, {"kendall", tau}, {"ndcg", gain}};
        const auto rounded = [](double x) { return format_real(std::round(x * 1e3) / 1e3); };
        std::cout << "  " << rounded(rho) << " / " << rounded(tau) << " / " << rounded(gain);
      }
      std::cout << '\n';
      rows.push_back(std::move(row));
    }
    if (!settings_.csv.empty())
      write_csv();
    session_.publish({{"cells", cells_.size()},
                      {"channels", settings_.channels},
                      {"cells_per_stage", settings_.cells},
                      {"images", settings_.batch_size},
                      {"ndcg_cells", head},
                      {"seed", settings_.compute.seed},
                      {"proxies", std::move(rows)}});
  }

  void write_csv() const {
    std::string text = "cell";
    for (const std::string& name : names_)
      text += "," + name;
    for (const std::string_view column : kColumns)
      text += concat(',', column);
    text += '\n';
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      text += code(cells_[i]);
      for (const std::vector<double>& scores : scores_)
        text += "," + format_real(scores[i]);
      for (const double accuracy : table_.at(cells_[i]).accuracy)
        text += "," + format_real(accuracy);
      text += '\n';
    }
    write_file_atomically(settings_.csv, text);
  }

  Session& session_;
  const ProxySettings& settings_;
  std::vector<std::string> names_;
  Space space_;
  Table table_;
  std::vector<Cell> cells_;
  Scores scores_;  // by proxy, by cell
};

int run(Session& session, const ProxySettings& settings) {
  require_cpu(settings.compute);
  if (!settings.list)
    return Study(session, settings).run();
  for (const nas::proxies::Proxy& proxy : nas::proxies::all())
    std::cout << proxy.name << '\n';
  std::cout << "linear_regions\n";
  return kDone;
}

}  // namespace
}  // namespace ockham::apps

int main(int argc, char** argv) {
  using namespace ockham::apps;
  return run_main(
      argc, argv,
      app_of("proxies", "Correlates training-free proxies of random NAS-Bench-201 cells with the published accuracies.",
             run));
}
