#pragma once
// Training for epochs, the same for every program that does: resuming, the loop, its log and metrics, validation,
// checkpoints, requests to stop, the memory plan. What differs is the trainee's.
//
//   int run_train(Session& session, const TrainSettings& settings) {
//     return run_training(session, settings.run, [&] { return std::make_unique<NetworkTraining>(session, settings); });
//   }
#include <functional>
#include <memory>
#include <optional>

#include "apps/cli/progress.h"
#include "apps/runs/folder/checkpoints.h"
#include "apps/runs/settings.h"
#include "apps/runs/training/feed.h"
#include "apps/runs/training/position.h"
#include "apps/runs/training/trainee.h"

namespace ockham::apps {

using MakeTrainee = std::function<std::unique_ptr<Trainee>()>;

/// Runs what `make` makes to its end or to where it is stopped, as --dry-run, --memory-limit, --profile and --resume
/// say. Under a memory limit it is made twice: the first one trains on noise, to find out what fits.
/// @return kDone, or kStopped on request
/// @throws UsageError if nothing fits the memory limit, CheckpointError, DivergedError, data::DataError
int run_training(Session& session, const RunSettings& settings, const MakeTrainee& make);

/// One run in its folder, from where the last checkpoint left it.
class TrainingRun {
 public:
  /// @param micro_batch images at a time in a step, 0 for whole batches; a checkpoint that is resumed decides it anew
  TrainingRun(Session& session, const RunSettings& settings, Trainee& trainee, std::int64_t micro_batch);

  int run();

 private:
  /// @return false if the run had finished and its results were told once more
  bool begin();
  /// @throws CheckpointError if the run never stands there
  void require_place(const Checkpoint& checkpoint) const;
  nlohmann::ordered_json network() const;
  void train_stretches();
  void train_epoch();
  void train_step(const Feed::Batches& batches);
  void end_epoch();
  /// @return is it the best so far?
  bool take(const Validation& validation);
  double last_rate() const;
  void go_to_stretch(std::size_t number);
  void save(const std::string& name);
  bool is_time_to_save() const;
  /// Epochs of the run that are done.
  std::int64_t epochs_done() const;

  const Stretch& stretch() const { return stretches_.at(at_.stretch); }
  Place place() const;
  std::string epoch_name() const;
  void log_score(const char* split, const nas::Score& score, double lr, const nlohmann::ordered_json& facts);

  Session& session_;
  const RunSettings& settings_;
  Trainee& trainee_;
  const std::vector<Stretch>& stretches_;
  TensorForm maps_;
  Checkpoints checkpoints_;
  Position at_;
  std::optional<Progress> progress_;
  double started_;
  double saved_;         ///< when the last checkpoint was written
  double waited_ = 0.0;  ///< for data, by the loaders of the stretch
  std::int64_t images_ = 0;
};

}  // namespace ockham::apps
