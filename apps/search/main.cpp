// ockham-search: finds a cell, from which ockham-train builds a network.
// Options and presets here, the run itself in search_run.cpp.
#include "apps/runs/common_options.h"
#include "apps/runs/datasets.h"
#include "apps/runs/profile_report.h"
#include "apps/runs/program.h"
#include "apps/search/comparison/method_comparison.h"
#include "apps/search/option_use.h"
#include "apps/search/search_catalog.h"
#include "apps/search/search_run.h"
#include "apps/search/search_setup.h"
#include "apps/search/search_training.h"

namespace {

using ockham::kFraction;
using ockham::kPositive;
using ockham::apps::OptionTable;

void declare_method(OptionTable& table) {
  table.group("Search");
  std::string what;
  for (const ockham::apps::MethodEntry& method : ockham::apps::methods())
    what += (what.empty() ? "" : "; ") + method.name + ": " + method.summary;
  table.choice("method", ockham::apps::method_names(), "bayesnas", what);
  what.clear();
  for (const ockham::apps::SpaceEntry& space : ockham::apps::spaces())
    what += (what.empty() ? "" : "; ") + space.name + ": " + space.summary;
  table.choice("space", ockham::apps::space_names(), "bayesnas", what);
  table.count("nodes", 4, "nodes in a cell", {.min = 1, .max = 16});
  table.real("lambda", 0.01, "strength of the prior: larger keeps fewer operations", kPositive);
  table.real("lambda-origin", std::nullopt, "the same for the edges' own switches [--lambda]", kPositive);
  table.count("rounds", 1, "times that switches are trained, measured and pruned", {.min = 1, .max = 1000});
  table.count("warmup-epochs", 1, "epochs of weights alone, before the first round (phase A)", {.max = 100000});
  table.real("warmup-fraction", 0.1, "part of the training images that phase A uses; the rounds use the rest",
             {.max = 1, .min_excluded = true});
  table.real("switch-lr", 0.1, "learning rate of the switches", kPositive);
  table.real("momentum", 0.9, "momentum of both optimisers", kFraction);
  table.real(
      "weight-decay", std::nullopt,
      "weight decay of the weights; switches are never decayed [1e-4; 5e-4 in nasbench201, else 3e-4 for others]");
  table.real("grad-clip", 5, "largest norm of the weights' gradient; 0 for no limit");
  table.flag("proximal",
             "shrink switches by proximal steps, which reach exact zeros, in place of the penalty's gradient");
  table.count("cutout", 16, "side of the square cut out of images in phase A; 0 for none", {.max = 1024});
  table.choice("gate", {"origin", "dag", "both"}, "origin", "what can switch off an operation's prior variance");
  table.choice("update-order", {"supplement", "code"}, "supplement",
               "order of the variance updates; in the first one a group's variance is its norm (supplement) or depends "
               "on curvature (code)");
  table.choice("origin-position", {"input", "output"}, "input", "where an edge's own switch multiplies");
  table.choice("dilated", {"dense", "depthwise"}, "dense", "dilated convolutions of the bayesnas space");
  table.flag("official-wiring",
             "search with the release's wiring of edge in1_3, which its trained networks do not have");
}

void declare_curvature(OptionTable& table) {
  table.group("Hessian");
  table.choice("hessian", {"exact", "gauss_newton", "recursion"}, "exact",
               "second derivatives: exact, Gauss-Newton, or the published approximate recursion");
  table.choice("hessian-bn", {"running", "frozen", "batch"}, "running", "batch-norm statistics during that pass");
  table.choice("hessian-algorithm", {"auto", "reverse", "forward"}, "auto", "exact algorithm: R, F, or R where exact");
  table.count("hessian-size", 256, "images in the Hessian batch; in nasbench201 and 1shot1 at most --score-size",
              {.min = 1, .max = 100000});
  table.count("hessian-refresh", 16, "batches that refresh running statistics before the pass", {.max = 100000});
  table.text("hessian-scale", "1", "factor on every second derivative, or auto: median of H/lambda becomes 1",
             "X|auto");
  table.count("hessian-check", 0, "entries to compare with central differences in float64", {.max = 100000});
}

void declare(OptionTable& table) {
  ockham::apps::add_compute_options(table);
  ockham::apps::add_profile_option(table);
  ockham::apps::add_data_options(table);
  ockham::apps::add_training_options(table);
  table.at("cells").help = "cells in the network; in nasbench201 and 1shot1 in each of its three stages";
  table.at("epochs").fallback = "1";
  table.at("epochs").help = "epochs of each round (phase B)";
  table.at("batch-size").fallback = "18";
  table.at("channels").fallback = "36";
  table.at("lr").fallback = "";
  table.at("lr").help = "learning rate at the start [0.1 for bayesnas in bayesnas and darts, else 0.025]";
  declare_method(table);
  declare_curvature(table);
  ockham::apps::declare_methods(table);
  ockham::apps::declare_comparison(table);
  ockham::apps::add_run_options(table);
  table.count("save-every", 100, "steps between checkpoints", {.min = 1, .max = 1000000});
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

/// What options alone can tell, before images are read.
void require_usable(const ockham::apps::Options& options) {
  const std::int64_t asked = options.count("train-size"), batch = options.count("batch-size");
  ockham::apps::require_whole_batch(batch, asked > 0 ? asked : batch);
  ockham::apps::require_usable_table(options);
  if (options.text("method") == "bayesnas")
    ockham::apps::bayesnas_options_of(options);
  if (options.text("method") == "balenas-von" && options.text("hessian") == "recursion")
    throw ockham::UsageError(
        "--hessian recursion: balenas-von differentiates with batch statistics, for which the recursion has no rule; "
        "use "
        "--hessian exact or gauss_newton.");
}

/// BayesNAS in its own spaces has a run of its own, with phases; every other method goes by nas/methods/method.h.
int search(ockham::apps::Session& session) {
  require_usable(session.options());
  return ockham::apps::has_own_run(session.options()) ? ockham::apps::run_search(session)
                                                      : ockham::apps::run_method(session);
}

void check(ockham::apps::Session& session) {
  require_usable(session.options());
  ockham::apps::has_own_run(session.options()) ? ockham::apps::check_search(session)
                                               : ockham::apps::check_method(session);
}

int run(ockham::apps::Session& session) {
  const ockham::apps::Options& options = session.options();
  if (options.is_set("methods"))
    return ockham::apps::run_comparison(
        session, {.app = {.name = "search", .purpose = "", .declare = declare, .run = search}, .check = check});
  if (options.is_set("seeds"))
    throw ockham::UsageError("--seeds goes with --methods NAME,NAME,...; for one search give --seed.");
  if (options.is_set("method-settings"))
    throw ockham::UsageError("--method-settings goes with --methods NAME,NAME,...; give the options themselves.");
  for (const std::string& line : ockham::apps::unused_options(options, {options.text("method")}))
    session.log().line(line);
  return search(session);
}

}  // namespace

int main(int argc, char** argv) {
  return ockham::apps::run_main(argc, argv,
                                {.name = "search",
                                 .purpose = "Searches a network architecture: trains an over-parameterised network, "
                                            "measures the exact second derivative of every switch, prunes.",
                                 .declare = declare,
                                 .run = run});
}
