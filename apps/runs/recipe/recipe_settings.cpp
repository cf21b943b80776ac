#include "apps/runs/recipe/recipe_settings.h"

#include "engine/error.h"

namespace ockham::apps {
namespace {

constexpr std::int64_t kMostSteps = 1'000'000;
constexpr std::int64_t kMostPixels = 1024;

void describe_rates(RecipeSettings& s, SettingVisitor& v) {
  v.real("lr", s.lr, "learning rate at the start, or of one-cycle at its peak", kPositive);
  v.alias("learning-rate", "lr");
  v.count("lr-batch", s.lr_batch, "images an update that --lr is meant for: with more it grows alike; 0: as given");
  v.choice("schedule", s.schedule,
           {{"cosine", Schedule::Kind::kCosine},
            {"linear", Schedule::Kind::kLinear},
            {"exponential", Schedule::Kind::kExponential},
            {"step", Schedule::Kind::kStep},
            {"one-cycle", Schedule::Kind::kOneCycle},
            {"constant", Schedule::Kind::kConstant}},
           "learning rate over the epochs; one-cycle: over the steps, up and down");
  v.real("lr-min", s.lr_min, "learning rate that cosine, linear and one-cycle end at");
  v.real("lr-factor", s.lr_factor, "factor of the exponential (per epoch) or step schedule", kFraction);
  v.count("lr-every", s.lr_every, "epochs between the steps of the step schedule", {.min = 1});
  v.real("lr-peak", s.lr_peak, "part of the run after which one-cycle is at --lr", {.max = 0.99, .min_excluded = true});
  v.real("bias-rate", s.bias_rate, "rate of biases and of the shifts of norms, as a multiple of --lr", kPositive);
  v.count("warmup-epochs", s.warmup_epochs, "epochs of linear warm-up");
}

void describe_images(RecipeSettings& s, SettingVisitor& v) {
  v.group("Training images");
  v.choice("crop", s.crop, {{"padded", Crop::kPadded}, {"resized", Crop::kResized}},
           "a window of the image with a border, or a random part of the picture resized (ImageNet)");
  v.count("pad", s.pad, "width of that border; 0 for none", {.max = kMostPixels});
  v.choice("flip", s.flip, {{"random", Flip::kRandom}, {"alternating", Flip::kAlternating}, {"off", Flip::kOff}},
           "mirror left-right by chance, or every second epoch; digits never are");
  v.real("colour-jitter", s.colour_jitter, "change brightness, contrast and saturation by so much, hue by half of it",
         kFraction);
  v.count("cutout", s.cutout, "side of the square cut out of training images; 0 for none", {.max = kMostPixels});
  v.alias("cutout-length", "cutout");
  v.count("early-size", s.early_size, "size of the images of the first epochs; 0: as later", {.max = kMostPixels});
  v.count("early-epochs", s.early_epochs, "epochs with images of that size");
}

}  // namespace

void describe_test_views(nas::TestViews& views, SettingVisitor& v) {
  v.choice("test-flips", views,
           {{"off", nas::TestViews::kOne},
            {"mirror", nas::TestViews::kMirrored},
            {"translate", nas::TestViews::kTranslated}},
           "test images as they are, with their mirror images, or moved by a pixel too; logits are averaged");
}

void describe(RecipeSettings& s, SettingVisitor& v) {
  v.group("Recipe");
  v.count("epochs", s.epochs, "passes over the training images", {.max = kMostSteps});
  v.count("batch-size", s.batch_size, "images in one step", {.min = 1, .max = kMostSteps});
  v.count("accumulate", s.accumulate, "batches whose gradients make one update; batch norm sees one at a time",
          {.min = 1, .max = 10'000});
  describe_rates(s, v);
  v.real("momentum", s.momentum, "momentum", kFraction);
  v.flag("nesterov", s.nesterov, "Nesterov's form of the momentum");
  v.real("weight-decay", s.weight_decay, "weight decay");
  v.choice("decay-norms", s.decays_norms, {{"on", true}, {"off", false}}, "weight decay of norms and biases too");
  v.real("grad-clip", s.grad_clip, "largest norm of the gradient; 0 for no limit");
  v.real("auxiliary-weight", s.auxiliary_weight, "weight of the second classifier's loss");
  v.real("label-smoothing", s.label_smoothing, "label smoothing", kFraction);
  v.real("drop-path-prob", s.drop_path_prob,
         "drop path (darts) or channel dropout (bayesnas) at the last epoch, growing linearly from 0", kFraction);
  v.real("ema", s.ema, "test and keep a moving average of the weights that decays by this; 0: the weights themselves",
         {.max = 0.999999});
  describe_images(s, v);
  v.group("Test");
  describe_test_views(s.test_views, v);
}

void check(const RecipeSettings& s) {
  if (s.schedule == Schedule::Kind::kOneCycle && s.warmup_epochs > 0)
    throw UsageError(concat("--warmup-epochs ", s.warmup_epochs,
                            ": --schedule one-cycle has a rise of its own; set its end by --lr-peak instead."));
  if ((s.early_size > 0) != (s.early_epochs > 0))
    throw UsageError(concat("--early-size ", s.early_size, " --early-epochs ", s.early_epochs,
                            ": smaller images at first need both; give the other one too, or neither."));
}

Schedule schedule_of(const RecipeSettings& s) {
  const double scale = s.lr_batch > 0 ? static_cast<double>(update_size(s)) / static_cast<double>(s.lr_batch) : 1.0;
  return {.kind = s.schedule,
          .initial = s.lr * scale,
          .final = s.lr_min * scale,
          .factor = s.lr_factor,
          .every = s.lr_every,
          .epochs = s.epochs,
          .warmup_epochs = s.warmup_epochs,
          .peak = s.lr_peak};
}

nas::TrainerOptions trainer_options_of(const RecipeSettings& s, std::uint64_t seed) {
  return {.sgd = {.momentum = s.momentum,
                  .weight_decay = s.weight_decay,
                  .nesterov = s.nesterov,
                  .decays_vectors = s.decays_norms,
                  .bias_rate = s.bias_rate},
          .clip = s.grad_clip,
          .auxiliary_weight = s.auxiliary_weight,
          .label_smoothing = s.label_smoothing,
          .seed = seed};
}

data::Transform transform_of(const RecipeSettings& s, const data::Dataset& dataset, std::int64_t full) {
  const std::int64_t side = dataset.shape().height;
  const auto scaled = [&](std::int64_t pixels) { return (2 * pixels * side + full) / (2 * full); };
  const bool is_resized = s.crop == Crop::kResized;
  return {.normalisation = dataset.normalisation(),
          .pad = is_resized ? 0 : scaled(s.pad),
          .flip = s.flip != Flip::kOff && dataset.name() != "mnist",  // a digit mirrored is no digit
          .alternates = s.flip == Flip::kAlternating,
          .takes_box = is_resized,
          .colour = {s.colour_jitter, s.colour_jitter, s.colour_jitter, s.colour_jitter / 2},
          .cutout = scaled(s.cutout)};
}

}  // namespace ockham::apps
