#include "apps/search/search_app.h"

#include "apps/runs/common_options.h"
#include "apps/runs/profile_report.h"
#include "apps/search/comparison/method_comparison.h"
#include "apps/search/option_use.h"
#include "apps/search/search_catalog.h"
#include "apps/search/search_training.h"

namespace ockham::apps {
namespace {

/// Of the runs around all methods: what images they learn from, and what is said about them.
void declare_run_around(OptionTable& table) {
  table.group("Search");
  table.real("warmup-fraction", 0.1, "part of the training images that phase A uses; the rounds use the rest",
             {.max = 1, .min_excluded = true});
  table.count("cutout", 16, "side of the square cut out of images in phase A; 0 for none", {.max = 1024});
  table.group("Methods other than bayesnas");
  table.real("arch-fraction", 0.5, "part of the training images that the architecture learns from, the weights do not",
             {.max = 0.9, .min_excluded = true});
  table.count("score-size", 1000, "images of that part, not augmented, that score the search network and candidates",
              {.min = 1, .max = 1000000});
  table.real("final-lr", 1e-3, "learning rate of the weights at the end of its cosine");
  table.count(
      "eigenvalue-size", 0,
      "images of the batch for the largest eigenvalue of the architecture Hessian, each epoch (darts, balenas); 0 "
      "for none",
      {.max = 100000});
  table.count(
      "rank-cells", 0,
      "random cells whose scores in the search network are compared with the --table (darts, balenas); 0 for none",
      {.max = 15625});
  table.text("table", "", "CSV file of NAS-Bench-201: true accuracies of its cells, for the log and the result",
             "FILE");
}

void declare(OptionTable& table) {
  declare_settings<RunSettings>(table);
  declare_settings<DataSettings>(table);
  add_training_options(table);
  table.at("cells").help = "cells in the network; in nasbench201 and 1shot1 in each of its three stages";
  table.at("epochs").fallback = "1";
  table.at("epochs").help = "epochs of each round (phase B)";
  table.at("batch-size").fallback = "18";
  table.at("channels").fallback = "36";
  table.at("lr").fallback = "";
  table.at("lr").help = "learning rate at the start [0.1 for bayesnas in bayesnas and darts, else 0.025]";
  declare_catalog(table);
  declare_run_around(table);
  declare_comparison(table);
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
  table.at("preset").fallback = "quick";
}

int search(Session& session) {
  require_usable(session.options());
  return run_search(session);
}

void check(Session& session) {
  require_usable(session.options());
  check_search(session);
}

int run(Session& session) {
  const Options& options = session.options();
  if (options.is_set("methods"))
    return run_comparison(
        session, {.app = {.name = "search", .purpose = "", .declare = declare, .run = search}, .check = check});
  if (options.is_set("seeds"))
    throw UsageError("--seeds goes with --methods NAME,NAME,...; for one search give --seed.");
  if (options.is_set("method-settings"))
    throw UsageError("--method-settings goes with --methods NAME,NAME,...; give the options themselves.");
  for (const std::string& line : unused_options(options, {options.text("method")}))
    session.log().line(line);
  return search(session);
}

}  // namespace

App search_app() {
  return {.name = "search",
          .purpose =
              "Searches a network architecture: trains an over-parameterised network, measures the exact second "
              "derivative of every switch, prunes.",
          .declare = declare,
          .run = run};
}

}  // namespace ockham::apps
