#pragma once
// What a program or a search method supplies to be trained for epochs; TrainingRun (training_run.h) does the rest.
#include <nlohmann/json.hpp>
#include <optional>

#include "data/loader.h"
#include "data/subset.h"
#include "nas/methods/method.h"

namespace ockham::apps {

class RunFolder;

/// Epochs over batches of one kind. A run is a row of stretches, such as warm-up and rounds.
struct Stretch {
  std::string name = "train";          ///< "phase" in metrics.jsonl
  std::int64_t epochs = 0;             ///< passes over `batches`
  data::Loader* batches = nullptr;     ///< drops a last batch that is not full
  data::Loader* companions = nullptr;  ///< where a step takes a second batch; its epochs follow one another
  std::int64_t first_epoch = 0;        ///< of `batches`: other orders and augmentations than in earlier stretches

  std::int64_t steps() const { return epochs * batches->batches_per_epoch(); }
};

/// Where a step, or the end of an epoch, stands.
struct Place {
  std::size_t stretch = 0;
  std::int64_t epoch = 0;  ///< of the stretch
  std::int64_t step = 0;   ///< steps of the stretch that came before
  std::int64_t steps = 1;  ///< of the stretch
  std::int64_t run_step = 0;
  std::int64_t run_steps = 1;  ///< of all stretches
  bool is_rehearsal = false;   ///< on noise, for a plan
};

/// What the end of an epoch or a stretch found on images that nothing learns from.
struct Validation {
  nas::Score score;
  nlohmann::ordered_json facts = nlohmann::ordered_json::object();  ///< further fields of the line in metrics.jsonl
};

/// A pass other than a step, for memory plans.
struct Pass {
  std::string name;
  std::int64_t images = 0;  ///< that the run gives it
  /// Does it on so many images of noise.
  std::function<void(std::int64_t images)> rehearse;
  bool follows_micro_batch = false;  ///< its images become fewer where those of a step do
};

/// What a run has come to.
struct RunResult {
  double seconds = 0.0;         ///< of this process
  std::int64_t images = 0;      ///< that steps took in this process
  double train_loss = 0.0;      ///< mean over the last epoch
  double valid_accuracy = 0.0;  ///< of the last validation
};

class Trainee {
 public:
  virtual ~Trainee() = default;

  /// The images, which run.json describes.
  virtual const data::Splits& data() const = 0;
  /// Images of a step, in each of its batches.
  virtual std::int64_t batch_size() const = 0;
  /// At least one; the same in every run of the same settings.
  virtual const std::vector<Stretch>& stretches() const = 0;
  /// Does every step have a line in metrics.jsonl, or every epoch?
  virtual bool logs_steps() const { return true; }
  /// Is the state of the best validation kept, as best.safetensors?
  virtual bool keeps_best() const { return false; }

  /// A new run: what its folder holds from the start.
  virtual void begin(RunFolder&) {}
  /// Before a stretch, whether from its start or from a checkpoint; rehearsals begin all of them.
  virtual void begin_stretch(std::size_t) {}
  virtual double learning_rate(const Place& place) const = 0;
  /// One update on a batch of the stretch and one of its companions, empty where it has none.
  /// @throws DivergedError if a loss or gradient is not finite
  virtual nas::Score step(const nas::Batch& batch, const nas::Batch& companion, const Place& place, double lr) = 0;
  /// After each epoch; nothing where there are no images for it.
  virtual std::optional<Validation> validate() = 0;
  /// After the last epoch of a stretch. The state saved before it must do to repeat it: it begins anew if `pause` ended
  /// it, or if the run is killed before its next checkpoint.
  /// @return what it found on images that nothing learns from
  virtual std::optional<Validation> end_stretch(std::size_t, const nas::Pause& /*pause*/) { return std::nullopt; }
  /// After end_stretch(): is it better to leave out the stretches that would follow? The same again of the state that
  /// was saved before it.
  virtual bool ends_early() const { return false; }
  /// Does the state hold what the end of the last stretch came to? Then a checkpoint of it ends the run. Else the one
  /// before stays, from which a resumed run comes to it again.
  virtual bool keeps_results() const { return false; }
  /// After the last stretch: files, printed lines and summary (Session::publish).
  virtual void publish(const RunResult& result) = 0;

  /// How to build the network again, for checkpoints (nas/saved/saved_network.h).
  virtual nlohmann::ordered_json network() const = 0;
  virtual std::map<std::string, Tensor> state() = 0;
  /// @throws CheckpointError if a tensor is missing or has another shape or dtype
  virtual void load(const std::map<std::string, Tensor>& state) = 0;

  /// Images at a time in a step; 0: whole batches. @throws UsageError if a step cannot be split
  virtual void set_micro_batch(std::int64_t images) = 0;
  /// Images that a step takes at a time at most, as options say; 0: whole batches.
  virtual std::int64_t part_size() const { return 0; }
  /// The stretch whose steps need the most memory.
  virtual std::size_t largest_stretch() const { return 0; }
  virtual std::vector<Pass> passes() = 0;
  /// Multiply-accumulates of a step for each of its images, as an estimate: those of its forward passes times kPasses;
  /// 0 where that is not known.
  virtual std::int64_t step_macs() { return 0; }
  /// A gradient costs two products for each of the forward pass: by input and by weight.
  static constexpr std::int64_t kPasses = 3;
  /// First lines of --dry-run: sizes.
  virtual std::string size_lines() { return ""; }
  /// How often the run repeats pass number `pass` after its steps, for the estimate of its time.
  virtual double repeats_after_training(std::size_t) const { return 0.0; }
};

inline std::int64_t steps_of_run(const Trainee& trainee) {
  std::int64_t steps = 0;
  for (const Stretch& stretch : trainee.stretches())
    steps += stretch.steps();
  return steps;
}

}  // namespace ockham::apps
