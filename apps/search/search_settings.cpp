#include "apps/search/search_settings.h"

#include "apps/cli/options/settings.h"
#include "apps/runs/inputs/datasets.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kMany = 1'000'000;

template <class Entry>
std::string summaries_of(const std::vector<Entry>& entries) {
  std::string text;
  for (const Entry& entry : entries)
    text += (text.empty() ? "" : "; ") + entry.name + ": " + entry.summary;
  return text;
}

void describe_training(SearchSettings& s, SettingVisitor& v) {
  v.group("Training");
  v.count("epochs", s.epochs, "epochs of each round (phase B)", {.max = kMany});
  v.count("batch-size", s.images.batch_size, "images in one step", {.min = 1, .max = kMany});
  v.count("channels", s.channels, "channels of the first cell", {.min = 1, .max = kMany});
  v.alias("init-channels", "channels");
  v.count(
      "cells", s.cells,
      "cells in the network; in nasbench201 and 1shot1 in each of its three stages, in proxyless blocks in each of its "
      "groups",
      {.min = 1, .max = kMany});
  v.alias("layers", "cells");
  v.count("trained-channels", s.trained_channels,
          "channels of the network that train builds of the cell, which sizes, --max-params, --max-macs and "
          "--max-latency are of, in bayesnas and darts [those of train's preset of the same name]",
          {.min = 1, .max = kMany});
  v.count("trained-cells", s.trained_cells, "the same: its cells", {.min = 1, .max = kMany});
  v.real("lr", s.lr, "learning rate at the start [0.1 for bayesnas in bayesnas and darts, else 0.025]", kPositive);
  v.alias("learning-rate", "lr");
}

/// Of the runs around all methods: what images they learn from, and what is said about them.
void describe_run_around(SearchSettings& s, SettingVisitor& v) {
  v.group("Search");
  v.real("warmup-fraction", s.images.warmup_fraction,
         "part of the training images that phase A uses; the rounds use the rest", {.max = 1, .min_excluded = true});
  v.count("cutout", s.images.cutout, "side of the square cut out of images in phase A; 0 for none", {.max = 1024});
  v.group("Methods other than bayesnas");
  v.real("arch-fraction", s.images.arch_fraction,
         "part of the training images that the architecture learns from, the weights do not",
         {.max = 0.9, .min_excluded = true});
  v.count("score-size", s.images.score_size,
          "images of that part, not augmented, that score the search network and candidates", {.min = 1, .max = kMany});
  v.real("final-lr", s.final_lr, "learning rate of the weights at the end of its cosine");
  v.count("eigenvalue-size", s.eigenvalue_size,
          "images of the batch for the largest eigenvalue of the architecture Hessian, each epoch (darts, balenas); 0 "
          "for none",
          {.max = 100'000});
  v.real("logit-lambda", s.logit_lambda,
         "with --eigenvalue-size: each epoch, how many nats of evidence at this lambda speak for the logits of each "
         "operation, by exact second derivatives [none]",
         kPositive);
  v.count("rank-cells", s.rank_cells,
          "random cells whose scores in the search network are compared with the --table (darts, balenas); 0 for none",
          {.max = 15'625});
  v.text("table", s.table, "CSV file of NAS-Bench-201: true accuracies of its cells, for the log and the result",
         "FILE");
}

}  // namespace

void describe(SearchSettings& s, SettingVisitor& v) {
  describe(s.images.run, v);
  describe(s.images.data, v);
  describe_training(s, v);
  v.group("Search");
  v.choice("method", s.method, nas::names_of(nas::methods()), summaries_of(nas::methods()));
  v.choice("space", s.space, nas::names_of(nas::spaces()), summaries_of(nas::spaces()));
  describe(s.catalog, v);
  describe_run_around(s, v);
  describe(s.comparison, v);
  v.role(SettingRole::kWork);
  v.choice("preset", s.preset, {"quick", "small", "nasbench201", "paper"}, "a set of defaults, listed below");
}

void declare_search(OptionTable& table) {
  declare_settings<SearchSettings>(table);
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "4000"},
                         {"valid-size", "500"},
                         {"test-size", "500"},
                         {"channels", "8"},
                         {"cells", "3"},
                         {"batch-size", "32"},
                         {"hessian-size", "128"},
                         {"cutout", "8"},
                         {"warmup-fraction", "0.25"},
                         {"epochs", "2"}});
  table.preset("small", {{"dataset", "cifar10"},
                         {"train-size", "20000"},
                         {"valid-size", "2000"},
                         {"channels", "12"},
                         {"cells", "5"},
                         {"batch-size", "32"},
                         {"hessian-size", "64"}});
  table.preset("nasbench201", {{"space", "nasbench201"},
                               {"method", "balenas"},
                               {"dataset", "cifar10"},
                               {"channels", "16"},
                               {"cells", "1"},
                               {"batch-size", "64"},
                               {"epochs", "4"}});
  table.preset("paper", {{"dataset", "cifar10"},
                         {"channels", "36"},
                         {"cells", "8"},
                         {"batch-size", "18"},
                         {"epochs", "1"},
                         {"warmup-epochs", "1"},
                         {"hessian-size", "18"}});
}

void require_usable(const SearchSettings& settings) {
  const std::int64_t asked = settings.images.data.train_size, batch = settings.images.batch_size;
  require_whole_batch(batch, asked > 0 ? asked : batch);
  settings.of_method().require_usable();
  if (settings.logit_lambda && settings.eigenvalue_size == 0)
    throw UsageError(concat("--logit-lambda ", *settings.logit_lambda,
                            ": it is measured on the images of --eigenvalue-size, which is 0; name a size."));
  const bool has_table = !settings.table.empty();
  if (has_table && settings.space != "nasbench201")
    throw UsageError(concat("--table: it knows the cells of --space nasbench201, not those of ", settings.space, "."));
  if (settings.rank_cells > 0 && !has_table)
    throw UsageError(
        concat("--rank-cells ", settings.rank_cells, ": there is no --table whose accuracies to compare scores with."));
  if (settings.rank_cells == 1)
    throw UsageError("--rank-cells 1: one cell has no rank among others; take 2 at least, or 0 for no comparison.");
}

std::unique_ptr<nas::SearchSpace> make_space(const SearchSettings& settings, const nas::FrameSpec& data) {
  const EvaluationSize trained = evaluation_size_of(settings);
  return settings.catalog.of(settings.space)
      .make({.channels = settings.channels,
             .cells = settings.cells,
             .classes = data.classes,
             .image_channels = data.image_channels,
             .image_size = data.image_size,
             .trained_channels = trained.channels,
             .trained_cells = trained.cells});
}

std::unique_ptr<nas::SearchMethod> make_method(const SearchSettings& settings, const nas::SearchSpace& space,
                                               const nas::ImageSource& images) {
  return settings.of_method().make(space,
                                   {.seed = settings.images.seed(),
                                    .dtype = settings.images.wide_maps().dtype,
                                    .device = settings.images.wide_maps().device,
                                    .lr = settings.first_lr(),
                                    .default_weight_decay = settings.training().weight_decay,
                                    .memory_limit = settings.run().compute.memory_limit.value_or(0)},
                                   images);
}

EvaluationSize evaluation_size_of(const SearchSettings& settings) {
  const std::string& preset = settings.preset;
  const bool is_paper = preset == "paper";
  return {.channels = settings.trained_channels.value_or(is_paper            ? 36
                                                         : preset == "small" ? 12
                                                                             : 8),
          .cells = settings.trained_cells.value_or(is_paper ? 20 : 5)};
}

}  // namespace ockham::apps
