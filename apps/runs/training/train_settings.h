#pragma once
// What ockham-train can be told, and ockham-compare for each of its trainings.
#include "apps/cli/options/options.h"
#include "apps/runs/settings.h"
#include "autograd/optim/schedule.h"
#include "data/dataset.h"
#include "nas/train/trainer.h"

namespace ockham::apps {

struct TrainSettings {
  RunSettings run{.save_every = 200};
  DataSettings data;
  std::int64_t epochs = 600;
  std::int64_t batch_size = 96;
  std::string genotype;
  std::int64_t channels = 36;
  std::int64_t cells = 20;
  bool auxiliary = false;
  nas::Stem stem = nas::Stem::kCifar;
  nas::Reduction reduction = nas::Reduction::kStrided;
  Schedule::Kind schedule = Schedule::Kind::kCosine;
  double lr = 0.025;
  double lr_min = 0.0;
  double lr_factor = 0.97;
  std::int64_t lr_every = 30;
  std::int64_t warmup_epochs = 0;
  double momentum = 0.9;
  bool nesterov = false;
  double weight_decay = 3e-4;
  double grad_clip = 5.0;
  double auxiliary_weight = 0.4;
  double label_smoothing = 0.0;
  std::int64_t cutout = 16;
  double drop_path_prob = 0.2;
};
void describe(TrainSettings& settings, SettingVisitor& visitor);

/// Those and the presets.
void declare_train(OptionTable& table);

/// @throws UsageError if there is none, or it is none
nas::Genotype genotype_of(const TrainSettings& settings);
Schedule schedule_of(const TrainSettings& settings);
nas::TrainerOptions trainer_options_of(const TrainSettings& settings);
/// The network for images of so many classes and such a shape.
nas::EvaluationSpec evaluation_spec_of(const TrainSettings& settings, const nas::Genotype& genotype,
                                       std::int64_t classes, const data::ImageShape& shape);

}  // namespace ockham::apps
