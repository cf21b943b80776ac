#include "apps/pgnas/pgnas_settings.h"

#include "apps/cli/options/settings.h"
#include "apps/runs/inputs/datasets.h"
#include "engine/error.h"

namespace ockham::apps {
namespace {

void describe_training(PgnasSettings& s, SettingVisitor& v) {
  v.group("Training");
  v.count("epochs", s.epochs, "passes over the training images, of each network", {.min = 1, .max = 1'000'000});
  v.count("batch-size", s.batch_size, "images in one step", {.min = 1, .max = 1'000'000});
  v.real("lr", s.lr, "learning rate at the start of its cosine", kPositive);
  v.alias("learning-rate", "lr");
  v.real("final-lr", s.final_lr, "learning rate at its end");
  v.real("momentum", s.method.sgd.momentum, "Nesterov's momentum", kFraction);
  v.real("grad-clip", s.method.clip, "largest norm of the gradient; 0 for no limit");
  v.count("cutout", s.cutout, "side of the square cut out of training images; 0 for none", {.max = 1024});
}

void describe_network(PgnasSettings& s, SettingVisitor& v) {
  v.group("Network");
  v.count("stem", s.network.stem, "channels of the first convolution", {.min = 1, .max = 100'000});
  v.count("width", s.network.width, "channels of the first stage; they double twice", {.min = 2, .max = 100'000});
  v.count("blocks", s.network.blocks_per_stage, "blocks in each of the three stages", {.min = 1, .max = 1000});
  v.count("branches", s.network.branches, "branches of a block, beside its skip", {.min = 1, .max = 100});
}

void describe_gates(PgnasSettings& s, SettingVisitor& v) {
  v.group("Gates");
  v.real("prior-length", s.method.prior.precision, "l^2 of the kernels' prior: larger drops more");
  v.real("dropout-examples", s.method.prior.examples, "N of the objective", {.min = 1});
  v.flag("kl-half", s.method.prior.kl_half, "the factor 1/2 of the derivation, which the published program leaves out");
  v.real("initial-drop", s.network.gates.drop, "drop probability of gates at the start", {.min = 0.001, .max = 0.999});
  v.real("temperature", s.network.gates.temperature, "of relaxed gates", kPositive);
  v.real("logit-rate", s.method.logit_rate, "learning rate of the gates' logits over that of the weights");
  v.flag("fixed", s.fixed, "keep all gates at --initial-drop: both groups then come from one distribution");
  v.flag("baseline", s.baseline, "also train a network whose gates all drop at the rate of the random group");
  v.real("weight-decay", s.weight_decay, "of networks with fixed gates [that of the prior at their drop rate]");
  v.group("Candidates");
  v.count("draws", s.draws, "candidates in each group", {.min = 1, .max = 100'000});
  v.choice("candidate-bn", s.candidate_bn,
           {{"running", BatchNormMode::kRunning}, {"frozen", BatchNormMode::kFrozenBatch}},
           "their batch norm: the trained network's running statistics, as published, or their own on each batch");
}

}  // namespace

void describe(PgnasSettings& s, SettingVisitor& v) {
  describe(s.run, v);
  describe(s.data, v);
  describe_training(s, v);
  describe_network(s, v);
  describe_gates(s, v);
}

void declare_pgnas(OptionTable& table) {
  declare_settings<PgnasSettings>(table);
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "4000"},
                         {"valid-size", "500"},
                         {"test-size", "500"},
                         {"width", "8"},
                         {"stem", "8"},
                         {"blocks", "1"},
                         {"batch-size", "64"},
                         {"epochs", "6"},
                         {"cutout", "8"},
                         {"prior-length", "500"},
                         {"logit-rate", "10"},
                         {"draws", "60"}});
  table.preset(
      "small",
      {{"dataset", "cifar10"}, {"valid-size", "1000"}, {"blocks", "1"}, {"cutout", "0"}, {"prior-length", "500"}});
  table.preset("paper", {{"dataset", "cifar10"},
                         {"width", "96"},
                         {"blocks", "4"},
                         {"epochs", "1800"},
                         {"lr", "0.01"},
                         {"prior-length", "50"},
                         {"draws", "1500"}});
  table.at("preset").fallback = "quick";
}

void require_sides(std::int64_t height, std::int64_t width) {
  if (height % 4 != 0 || width % 4 != 0)
    throw UsageError(concat("images of ", height, "x", width,
                            ": the network halves its maps twice, so that both sides must be divisible by 4; use "
                            "--image-size."));
}

void check(const PgnasSettings& settings) {
  require_sides(settings.data.images.image_size, settings.data.images.image_size);
  if (settings.data.valid_size == 0)
    throw UsageError(
        "--valid-size 0: candidates are ranked on validation images; set some training images apart, such as "
        "--valid-size 1000.");
  if (settings.baseline && settings.fixed)
    throw UsageError("--baseline --fixed: the network of --fixed is the baseline already; leave out one of them.");
  if (settings.data.train_size > 0)
    require_whole_batch(settings.batch_size, settings.data.train_size);
}

nas::HybridSpec hybrid_spec_of(const PgnasSettings& settings, const data::Dataset& dataset, double drop) {
  nas::HybridSpec spec = settings.network;
  spec.classes = dataset.classes();
  spec.image_channels = dataset.shape().channels;
  spec.gates.drop = drop;
  return spec;
}

nas::PgnasOptions pgnas_options_of(const PgnasSettings& settings, bool learns, double drop) {
  nas::PgnasOptions options = settings.method;
  // To gated kernels the divergence's gradient is that of this weight decay; here, as published, it acts on all
  // weights.
  const double alike =
      (options.prior.kl_half ? 1.0 : 2.0) * options.prior.precision / options.prior.examples * (1.0 - drop);
  options.sgd.weight_decay = learns ? 0.0 : settings.weight_decay.value_or(alike);
  options.learns = learns;
  options.seed = settings.seed();
  return options;
}

}  // namespace ockham::apps
