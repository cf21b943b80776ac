#include "apps/runs/training/train_settings.h"

#include "apps/cli/options/settings.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kMany = 1'000'000;

void describe_network(TrainSettings& s, SettingVisitor& v) {
  v.group("Network");
  v.text("genotype", s.genotype, "the cells: a file, the name of a published genotype, or its text", "FILE|NAME|TEXT");
  v.alias("arch", "genotype");
  v.count("channels", s.channels, "channels of the first cell", {.min = 1, .max = kMany});
  v.alias("init-channels", "channels");
  v.count("cells", s.cells, "cells in the network", {.min = 1, .max = kMany});
  v.alias("layers", "cells");
  v.flag("auxiliary", s.auxiliary, "train with a second classifier after two thirds of the cells");
  v.choice("stem", s.stem, {{"cifar", nas::Stem::kCifar}, {"imagenet", nas::Stem::kImageNet}},
           "first layers: one 3x3 convolution, or three strided ones");
  v.choice("reduction", s.reduction, {{"strided", nas::Reduction::kStrided}, {"shifted", nas::Reduction::kShifted}},
           "how pre-processors of bayesnas networks halve a map");
}

void describe_rates(TrainSettings& s, SettingVisitor& v) {
  v.real("lr", s.lr, "learning rate at the start", kPositive);
  v.alias("learning-rate", "lr");
  v.choice("schedule", s.schedule,
           {{"cosine", Schedule::Kind::kCosine},
            {"exponential", Schedule::Kind::kExponential},
            {"step", Schedule::Kind::kStep},
            {"constant", Schedule::Kind::kConstant}},
           "learning rate over the epochs");
  v.real("lr-min", s.lr_min, "learning rate that the cosine ends at");
  v.real("lr-factor", s.lr_factor, "factor of the exponential (per epoch) or step schedule", kFraction);
  v.count("lr-every", s.lr_every, "epochs between the steps of the step schedule", {.min = 1});
  v.count("warmup-epochs", s.warmup_epochs, "epochs of linear warm-up");
}

}  // namespace

void describe(TrainSettings& s, SettingVisitor& v) {
  describe(s.run, v);
  describe(s.data, v);
  describe_network(s, v);
  v.group("Recipe");
  v.count("epochs", s.epochs, "passes over the training images", {.max = kMany});
  v.count("batch-size", s.batch_size, "images in one step", {.min = 1, .max = kMany});
  describe_rates(s, v);
  v.real("momentum", s.momentum, "momentum", kFraction);
  v.flag("nesterov", s.nesterov, "Nesterov's form of the momentum");
  v.real("weight-decay", s.weight_decay, "weight decay");
  v.real("grad-clip", s.grad_clip, "largest norm of the gradient; 0 for no limit");
  v.real("auxiliary-weight", s.auxiliary_weight, "weight of the second classifier's loss");
  v.real("label-smoothing", s.label_smoothing, "label smoothing", kFraction);
  v.count("cutout", s.cutout, "side of the square cut out of training images; 0 for none", {.max = 1024});
  v.alias("cutout-length", "cutout");
  v.real("drop-path-prob", s.drop_path_prob,
         "drop path (darts) or channel dropout (bayesnas) at the last epoch, growing linearly from 0", kFraction);
}

void declare_train(OptionTable& table) {
  declare_settings<TrainSettings>(table);
  table.preset("quick", {{"dataset", "shapes"},
                         {"train-size", "4000"},
                         {"test-size", "1000"},
                         {"channels", "8"},
                         {"cells", "5"},
                         {"epochs", "6"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"cutout", "8"}});
  table.preset("small", {{"dataset", "cifar10"},
                         {"channels", "12"},
                         {"cells", "5"},
                         {"epochs", "8"},
                         {"batch-size", "64"},
                         {"drop-path-prob", "0"},
                         {"lr", "0.05"}});
  table.preset("paper",
               {{"dataset", "cifar10"}, {"channels", "36"}, {"cells", "20"}, {"epochs", "600"}, {"batch-size", "128"}});
}

nas::Genotype genotype_of(const TrainSettings& settings) {
  if (settings.genotype.empty())
    throw UsageError(
        "--genotype is missing: name a genotype.json that a search wrote, or a published cell such as "
        "bayesnas_0.01 or DARTS_V2.");
  return nas::load_genotype(settings.genotype);
}

Schedule schedule_of(const TrainSettings& settings) {
  return {.kind = settings.schedule,
          .initial = settings.lr,
          .final = settings.lr_min,
          .factor = settings.lr_factor,
          .every = settings.lr_every,
          .epochs = settings.epochs,
          .warmup_epochs = settings.warmup_epochs};
}

nas::TrainerOptions trainer_options_of(const TrainSettings& settings) {
  return {.sgd = {.momentum = settings.momentum, .weight_decay = settings.weight_decay, .nesterov = settings.nesterov},
          .clip = settings.grad_clip,
          .auxiliary_weight = settings.auxiliary_weight,
          .label_smoothing = settings.label_smoothing,
          .seed = static_cast<std::uint64_t>(settings.run.compute.seed)};
}

nas::EvaluationSpec evaluation_spec_of(const TrainSettings& settings, const nas::Genotype& genotype,
                                       std::int64_t classes, const data::ImageShape& shape) {
  nas::EvaluationSpec spec;
  spec.frame.style = nas::parse_style(genotype.space);
  spec.frame.stem = settings.stem;
  spec.frame.channels = settings.channels;
  spec.frame.cells = settings.cells;
  spec.frame.classes = classes;
  spec.frame.image_channels = shape.channels;
  spec.frame.image_size = shape.height;
  spec.frame.reduction = settings.reduction;
  spec.has_auxiliary_head = settings.auxiliary;
  return spec;
}

}  // namespace ockham::apps
