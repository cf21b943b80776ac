#include "apps/search/search_catalog.h"

#include <algorithm>

#include "apps/cli/format.h"
#include "apps/search/search_setup.h"
#include "engine/error.h"
#include "nas/methods/balenas/balenas_tf.h"
#include "nas/methods/bayesnas/bayesnas.h"
#include "nas/methods/darts/darts.h"
#include "nas/methods/pgnas/pgnas_search.h"
#include "nas/methods/random/random_search.h"
#include "nas/spaces/cells/cell_space.h"
#include "nas/spaces/nasbench1shot1/search_space.h"
#include "nas/spaces/nasbench201/search_space.h"

namespace ockham::apps {
namespace {

using nas::ImageSource;
using nas::SearchMethod;
using nas::SearchSpace;

nas::WeightOptions weight_options(const Options& options) {
  return {.sgd = {.momentum = options.real("momentum"), .weight_decay = search_weight_decay_of(options)},
          .clip = options.real("grad-clip")};
}

nas::RelaxedOptions relaxed_options(const Options& options) {
  return {.weights = weight_options(options),
          .architecture_lr = options.real("arch-lr"),
          .skip_cap = options.is_set("skip-cap") ? options.count("skip-cap") : -1,
          .seed = static_cast<std::uint64_t>(options.count("seed")),
          .dtype = precision_of(options).weights};
}

std::unique_ptr<SearchMethod> make_darts(const SearchSpace& space, const Options& options, const ImageSource&) {
  return std::make_unique<nas::Darts>(
      space,
      nas::DartsOptions{.relaxed = relaxed_options(options),
                        .adam = {.beta1 = 0.5, .beta2 = 0.999, .weight_decay = options.real("arch-weight-decay")},
                        .is_second_order = options.text("darts-order") == "2"});
}

nas::BalenasOptions balenas_options(const Options& options, nas::ArchitectureCurvature curvature) {
  return {.relaxed = relaxed_options(options),
          .curvature = curvature,
          .variational = {.examples = options.real("examples"),
                          .prior_precision = options.real("prior-precision"),
                          .initial_precision =
                              std::max(options.real("initial-precision"), options.real("prior-precision"))},
          .draws = options.count("mc-samples"),
          .curvature_images = options.count("curvature-size"),
          .samples_weight_steps = options.text("weight-step-alpha") == "sample",
          .hessian = hessian_options_of(options)};
}

template <nas::ArchitectureCurvature curvature>
std::unique_ptr<SearchMethod> make_balenas(const SearchSpace& space, const Options& options, const ImageSource&) {
  return std::make_unique<nas::Balenas>(space, balenas_options(options, curvature));
}

std::unique_ptr<SearchMethod> make_balenas_tf(const SearchSpace& space, const Options& options,
                                              const ImageSource& images) {
  nas::BalenasTfOptions result{.balenas = balenas_options(options, nas::ArchitectureCurvature::kVadam),
                               .cells = options.count("draws"),
                               .proxies = split_list(options.text("proxies")),
                               .proxy_images = options.count("proxy-size"),
                               .draws_uniformly = options.text("draw-from") == "uniform"};
  return std::make_unique<nas::BalenasTf>(space, result, images.held_out);
}

std::unique_ptr<SearchMethod> make_random(const SearchSpace& space, const Options& options, const ImageSource& images) {
  return std::make_unique<nas::RandomSearch>(
      space,
      nas::RandomSearchOptions{.weights = weight_options(options),
                               .lr = search_lr_of(options),
                               .candidates = options.count("candidates"),
                               .seed = static_cast<std::uint64_t>(options.count("seed")),
                               .dtype = precision_of(options).weights},
      images.held_out);
}

std::unique_ptr<SearchMethod> make_pgnas(const SearchSpace& space, const Options& options, const ImageSource& images) {
  nas::PgnasSearchOptions result{
      .pgnas = {.sgd = {.momentum = options.real("momentum"), .nesterov = true},
                .prior = {.precision = options.real("prior-length"),
                          .examples = options.real("dropout-examples"),
                          .kl_half = options.flag("kl-half")},
                .logit_rate = options.real("logit-rate"),
                .clip = options.real("grad-clip"),
                .seed = static_cast<std::uint64_t>(options.count("seed"))},
      .gates = {.drop = options.real("initial-drop"), .temperature = options.real("temperature")},
      .draws = static_cast<std::uint64_t>(options.count("draws")),
      .dtype = precision_of(options).weights};
  return std::make_unique<nas::PgnasSearch>(space, result, images.held_out);
}

std::unique_ptr<SearchMethod> make_bayesnas(const SearchSpace& space, const Options& options,
                                            const ImageSource& images) {
  return std::make_unique<nas::BayesNas>(space, bayesnas_options_of(options), images);
}

}  // namespace

const std::vector<SpaceEntry>& spaces() {
  static const std::vector<SpaceEntry> entries{
      {"bayesnas", "8 edges a cell, 7 operations, several of which may stay on an edge"},
      {"darts", "14 edges a cell, two of which stay at a node, one of 7 operations each"},
      {"nasbench201", "6 edges, 5 operations, 15,625 cells whose accuracies a table knows"},
      {"1shot1-1", "NAS-Bench-1Shot1's first space: 4 nodes, 3 operations, 14,580 cells"},
      {"1shot1-2", "its second: 4 nodes with more parents, 29,160 cells"},
      {"1shot1-3", "its third: 5 nodes, 1,312,200 cells"},
  };
  return entries;
}

const std::vector<MethodEntry>& methods() {
  static const std::vector<MethodEntry> entries{
      {"bayesnas", "prunes switches by exact second derivatives", make_bayesnas, 1, "a batch for weights and switches"},
      {"darts", "Adam on softmax logits", make_darts},
      {"balenas", "a Gaussian over the logits, by Vadam", make_balenas<nas::ArchitectureCurvature::kVadam>},
      {"balenas-von", "the same with the exact diagonal Hessian", make_balenas<nas::ArchitectureCurvature::kVon>},
      {"balenas-vogn", "the same with per-example gradients", make_balenas<nas::ArchitectureCurvature::kVogn>},
      {"balenas-tf", "draws cells from balenas's Gaussian, proxies choose", make_balenas_tf},
      {"pgnas", "gates and weights as one posterior, cells drawn from it and ranked", make_pgnas, 1,
       "a batch for weights and gates"},
      {"random", "trains cells drawn at random, keeps the best", make_random, 1, "a batch for the weights of one cell"},
  };
  return entries;
}

std::vector<std::string> method_names() {
  std::vector<std::string> names;
  for (const MethodEntry& method : methods())
    names.push_back(method.name);
  return names;
}

std::vector<std::string> space_names() {
  std::vector<std::string> names;
  for (const SpaceEntry& space : spaces())
    names.push_back(space.name);
  return names;
}

const MethodEntry& find_method(const std::string& name) {
  std::string names;
  for (const MethodEntry& method : methods()) {
    if (method.name == name)
      return method;
    names += (names.empty() ? "" : ", ") + method.name;
  }
  throw UsageError(concat("method '", name, "' is unknown; there are ", names, "."));
}

void require_usable_table(const Options& options) {
  const std::string& space = options.text("space");
  if (options.is_set("table") && space != "nasbench201")
    throw UsageError(concat("--table: it knows the cells of --space nasbench201, not those of ", space, "."));
  const std::int64_t cells = options.count("rank-cells");
  if (cells > 0 && !options.is_set("table"))
    throw UsageError(concat("--rank-cells ", cells, ": there is no --table whose accuracies to compare scores with."));
  if (cells == 1)
    throw UsageError("--rank-cells 1: one cell has no rank among others; take 2 at least, or 0 for no comparison.");
}

bool has_own_run(const std::string& method, const std::string& space) {
  return method == "bayesnas" && (space == "bayesnas" || space == "darts");
}

bool has_own_run(const Options& options) {
  return has_own_run(options.text("method"), options.text("space"));
}

void declare_methods(OptionTable& table) {
  table.group("Methods other than bayesnas");
  table.real("arch-fraction", 0.5, "part of the training images that the architecture learns from, the weights do not",
             {.max = 0.9, .min_excluded = true});
  table.count("score-size", 1000, "images of that part, not augmented, that score the search network and candidates",
              {.min = 1, .max = 1000000});
  table.real("arch-lr", 3e-4, "learning rate of the logits (darts, balenas)", kPositive);
  table.real("arch-weight-decay", 1e-3, "weight decay of the logits (darts)");
  table.real("final-lr", 1e-3, "learning rate of the weights at the end of its cosine");
  table.choice("darts-order", {"1", "2"}, "1", "architecture gradient at the weights as they are, or unrolled");
  table.count("skip-cap", std::nullopt, "most skip connections of the derived cell (darts, balenas) [no limit]",
              {.max = 1000});
  table.count(
      "eigenvalue-size", 0,
      "images of the batch for the largest eigenvalue of the architecture Hessian, each epoch (darts, balenas); 0 "
      "for none",
      {.max = 100000});
  table.real("examples", 25000, "N of the Gaussian's objective: held-out images of the published setting", {.min = 1});
  table.real("prior-precision", 1, "of the Gaussian's prior (balenas)", kPositive);
  table.real("initial-precision", 1, "of the Gaussian at the start; at least the prior's", kPositive);
  table.count("mc-samples", 1, "draws in an architecture step (balenas)", {.min = 1, .max = 1000});
  table.choice("weight-step-alpha", {"mean", "sample"}, "mean", "logits of weight steps (balenas)");
  table.count("curvature-size", 16, "images for second derivatives (balenas-von, balenas-vogn)",
              {.min = 1, .max = 100000});
  table.count("draws", 100, "cells drawn at the end (balenas-tf, pgnas)", {.min = 1, .max = 100000});
  table.text("proxies", "synflow", "what ranks them; several: by the sum of ranks (balenas-tf)", "NAME,NAME,...");
  table.choice("draw-from", {"gaussian", "uniform"}, "gaussian",
               "what they are drawn from; uniform is the control without a search (balenas-tf)");
  table.count("proxy-size", 32, "images that proxies see, at most --score-size (balenas-tf)", {.min = 2, .max = 10000});
  table.real("prior-length", 150, "l^2 of the kernels' prior (pgnas)");
  table.real("dropout-examples", 5e5, "N of its objective", {.min = 1});
  table.real("logit-rate", 1, "learning rate of the gates' logits over that of the weights (pgnas)", kPositive);
  table.real("initial-drop", 0.5, "drop probability of gates at the start (pgnas)", {.min = 0.001, .max = 0.999});
  table.real("temperature", 0.2, "of relaxed gates (pgnas)", kPositive);
  table.flag("kl-half", "the factor 1/2 of the derivation, which the published program leaves out (pgnas)");
  table.count("candidates", 4, "cells trained (random)", {.min = 1, .max = 10000});
  table.count(
      "rank-cells", 0,
      "random cells whose scores in the search network are compared with the --table (darts, balenas); 0 for none",
      {.max = 15625});
  table.text("table", "", "CSV file of NAS-Bench-201: true accuracies of its cells, for the log and the result",
             "FILE");
}

std::unique_ptr<SearchSpace> make_space(const Options& options, const nas::FrameSpec& data) {
  const std::string& name = options.text("space");
  if (name == "nasbench201" && data.image_size % 4 != 0)
    throw UsageError(concat("images of ", data.image_size, "x", data.image_size,
                            ": networks of nasbench201 halve their maps twice, so that the sides must be divisible by "
                            "4; use --image-size."));
  if (name == "nasbench201")
    return std::make_unique<nas::nasbench201::Space>(
        nas::nasbench201::NetworkSpec{.channels = options.count("channels"),
                                      .cells_per_stage = options.count("cells"),
                                      .classes = data.classes,
                                      .image_channels = data.image_channels});
  if (name.starts_with("1shot1-"))
    return std::make_unique<nas::nasbench1shot1::SearchableSpace>(
        nas::nasbench1shot1::space_of(name.back() - '0'),
        nas::nasbench1shot1::NetworkSpec{.channels = options.count("channels"),
                                         .cells_per_stack = options.count("cells"),
                                         .classes = data.classes,
                                         .image_channels = data.image_channels});
  nas::EvaluationSpec trained;
  trained.frame.classes = data.classes;
  trained.frame.image_channels = data.image_channels;
  trained.frame.image_size = data.image_size;
  const EvaluationSize size = evaluation_size_of(options.text("preset"));
  trained.frame.channels = size.channels;
  trained.frame.cells = size.cells;
  nas::SupernetSpec spec = supernet_spec_of(options, data);
  if (name == "darts")
    spec.primitives.assign(nas::kDartsPrimitives.begin(), nas::kDartsPrimitives.end());
  return std::make_unique<nas::SoftmaxSpace>(spec, trained);
}

double search_lr_of(const Options& options) {
  if (options.is_set("lr"))
    return options.real("lr");
  return has_own_run(options) ? 0.1 : 0.025;
}

double search_weight_decay_of(const Options& options) {
  if (options.is_set("weight-decay"))
    return options.real("weight-decay");
  if (has_own_run(options))
    return 1e-4;
  return options.text("space") == "nasbench201" ? 5e-4 : 3e-4;
}

}  // namespace ockham::apps
