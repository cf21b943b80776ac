#pragma once
// How a network is trained, whichever it is: epochs, rates, regularisation, what is done to images.
#include <algorithm>

#include "autograd/optim/schedule.h"
#include "data/augment.h"
#include "engine/settings.h"
#include "nas/train/trainer.h"

namespace ockham::apps {

enum class Flip { kRandom, kAlternating, kOff };
enum class Crop { kPadded, kResized };

struct RecipeSettings {
  std::int64_t epochs = 600;
  std::int64_t batch_size = 96;
  std::int64_t accumulate = 1;
  Schedule::Kind schedule = Schedule::Kind::kCosine;
  double lr = 0.025;
  std::int64_t lr_batch = 0;
  double lr_min = 0.0;
  double lr_factor = 0.97;
  std::int64_t lr_every = 30;
  double lr_peak = 0.25;
  std::int64_t warmup_epochs = 0;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 3e-4;
  bool decays_norms = true;
  double bias_rate = 1.0;
  double grad_clip = 5.0;
  double auxiliary_weight = 0.4;
  double label_smoothing = 0.0;
  double drop_path_prob = 0.2;
  double ema = 0.0;
  Crop crop = Crop::kPadded;
  std::int64_t pad = 4;
  Flip flip = Flip::kRandom;
  double colour_jitter = 0.0;
  std::int64_t cutout = 16;
  std::int64_t early_size = 0;
  std::int64_t early_epochs = 0;
  nas::TestViews test_views = nas::TestViews::kOne;
};
void describe(RecipeSettings& settings, SettingVisitor& visitor);
/// --test-flips, for programs that test too.
void describe_test_views(nas::TestViews& views, SettingVisitor& visitor);

/// Images that one update takes.
inline std::int64_t update_size(const RecipeSettings& s) {
  return s.batch_size * s.accumulate;
}
/// Epochs on images of s.early_size pixels, before those on images of their own size.
inline std::int64_t early_epochs(const RecipeSettings& s) {
  return s.early_size > 0 ? std::min(s.early_epochs, s.epochs) : 0;
}

/// @throws UsageError for options that exclude each other
void check(const RecipeSettings& settings);
Schedule schedule_of(const RecipeSettings& settings);
nas::TrainerOptions trainer_options_of(const RecipeSettings& settings, std::uint64_t seed);
/// What is done to training images of a data set; pad and cutout, which are meant for images of `full` pixels, are
/// smaller for smaller ones.
data::Transform transform_of(const RecipeSettings& settings, const data::Dataset& dataset, std::int64_t full);

}  // namespace ockham::apps
