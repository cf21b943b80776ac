#pragma once
// Training of a genotype's network from scratch and its test: the work of ockham-train, which ockham-compare repeats.
#include "apps/runs/training/train_settings.h"
#include "apps/runs/training/training_run.h"

namespace ockham::apps {

/// The program ockham-train.
App train_app();

class NetworkTraining : public Trainee {
 public:
  NetworkTraining(Session& session, const TrainSettings& settings);

  const data::Splits& data() const override { return splits_; }
  std::int64_t batch_size() const override { return settings_.batch_size; }
  const std::vector<Stretch>& stretches() const override { return stretches_; }
  bool logs_steps() const override { return false; }
  bool keeps_best() const override { return true; }

  void begin(RunFolder& folder) override;
  double learning_rate(const Place& place) const override;
  nas::Score step(const nas::Batch& batch, const nas::Batch& companion, const Place& place, double lr) override;
  std::optional<Validation> validate() override;
  void publish(const RunResult& result) override;

  nlohmann::ordered_json network() const override;
  std::map<std::string, Tensor> state() override;
  void load(const std::map<std::string, Tensor>& state) override;

  void set_micro_batch(std::int64_t images) override;
  std::vector<Pass> passes() override;
  std::string size_lines() override;

 private:
  nas::Score evaluate(const data::DatasetPtr& dataset);
  std::int64_t evaluation_size() const;
  std::int64_t parameters();
  std::int64_t macs();

  Session& session_;
  const TrainSettings settings_;
  TensorForm maps_;
  nas::Genotype genotype_;
  data::Splits splits_;
  nas::EvaluationSpec spec_;
  Initial initial_;
  nas::EvaluationNetwork network_;
  nas::Trainer trainer_;
  Schedule schedule_;
  data::Loader loader_;
  std::vector<Stretch> stretches_;
  std::int64_t micro_batch_ = 0;
};

}  // namespace ockham::apps
