#pragma once
// Training of a network from scratch and its test: the work of ockham-train, which ockham-compare repeats.
#include "apps/runs/page/predictions.h"
#include "apps/runs/training/train_settings.h"
#include "apps/runs/training/training_run.h"
#include "nas/train/averaged_weights.h"

namespace ockham::apps {

/// The program ockham-train.
App train_app();

/// Builds what is trained on images like these, of the cells that the training has.
using MakeNetwork = std::function<BuiltNetwork(const NamedCells& cells, const data::Dataset& images, Initial& initial)>;

/// Of the network that settings describe.
MakeNetwork maker_of(const NetworkSettings& settings);

class NetworkTraining : public Trainee {
 public:
  NetworkTraining(Session& session, const TrainSettings& settings);

  const data::Splits& data() const override { return splits_; }
  std::int64_t batch_size() const override { return update_size(settings_.recipe); }
  const std::vector<Stretch>& stretches() const override { return stretches_; }
  bool logs_steps() const override { return false; }
  bool keeps_best() const override { return true; }

  void begin(RunFolder& folder) override;
  double learning_rate(const Place& place) const override;
  nas::Score step(const nas::Batch& batch, const nas::Batch& companion, const Place& place, double lr) override;
  std::optional<Validation> validate() override;
  void publish(const RunResult& result) override;

  nlohmann::ordered_json network() const override { return network_.description; }
  std::map<std::string, Tensor> state() override;
  void load(const std::map<std::string, Tensor>& state) override;

  void set_micro_batch(std::int64_t images) override;
  std::int64_t part_size() const override { return settings_.recipe.accumulate > 1 ? settings_.recipe.batch_size : 0; }
  std::size_t largest_stretch() const override { return stretches_.size() - 1; }
  std::vector<Pass> passes() override;
  std::string size_lines() override;
  /// Not of runs whose images grow.
  std::int64_t step_macs() override { return early_ ? 0 : kPasses * macs(); }

 protected:
  /// For trainings that do more. @param cells where the network is of some
  NetworkTraining(Session& session, const TrainSettings& settings, NamedCells cells, const MakeNetwork& make,
                  nas::StepHooks hooks);

  std::int64_t epoch_of(const Place& place) const;
  /// @param predictions where given, sees the logits
  nas::Score evaluate(const data::DatasetPtr& dataset, Predictions* predictions = nullptr);
  void publish_predictions(const Predictions& predictions);
  std::int64_t evaluation_size() const;
  std::int64_t parameters();
  std::int64_t macs();
  /// Another stretch behind the others, on full images.
  void add_stretch(std::string name, std::int64_t epochs);

  Session& session_;
  const TrainSettings settings_;
  TensorForm maps_;
  NamedCells cells_;
  data::Splits splits_;
  Initial initial_;
  BuiltNetwork network_;
  nas::Trainer trainer_;
  std::optional<nas::AveragedWeights> averages_;
  Schedule schedule_;

 private:
  void require_early_size();

  std::optional<data::Loader> early_;
  data::Loader loader_;
  std::vector<Stretch> stretches_;
  std::int64_t micro_batch_ = 0;
};

}  // namespace ockham::apps
