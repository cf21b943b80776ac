#pragma once
// The run of ockham-pgnas: trains a hybrid network with its gates, and perhaps a baseline with fixed ones, then draws
// candidates from them and ranks them, guided by what the gates learned and at random.
#include "apps/pgnas/candidate_groups.h"
#include "apps/pgnas/pgnas_settings.h"
#include "apps/runs/training/training_run.h"

namespace ockham::apps {

int run_pgnas(Session& session, const PgnasSettings& settings);

/// A network and what trains it.
struct GatedTraining {
  GatedTraining(const PgnasSettings& settings, const data::Dataset& dataset, bool learns, double drop);

  const nas::GatedNetwork& gated() const { return search.network(); }
  std::int64_t weights() { return count_elements(network.parameters(ParameterKind::kWeight)); }
  void add_to(std::map<std::string, Tensor>& state, const std::string& prefix);
  /// @throws CheckpointError
  void load(const std::map<std::string, Tensor>& state, const std::string& prefix);

  Initial initial;
  nas::HybridNetwork network;
  nas::Pgnas search;
};

/// The first stretch trains the network of learned gates, the second the baseline.
class PgnasTraining : public Trainee {
 public:
  PgnasTraining(Session& session, const PgnasSettings& settings);

  const data::Splits& data() const override { return splits_; }
  std::int64_t batch_size() const override { return settings_.batch_size; }
  const std::vector<Stretch>& stretches() const override { return stretches_; }

  void begin_stretch(std::size_t number) override;
  double learning_rate(const Place& place) const override;
  nas::Score step(const nas::Batch& batch, const nas::Batch& companion, const Place& place, double lr) override;
  std::optional<Validation> validate() override;
  /// After the last: draws all groups of candidates and ranks them.
  std::optional<Validation> end_stretch(std::size_t number, const nas::Pause& pause) override;
  void publish(const RunResult& result) override;

  nlohmann::ordered_json network() const override;
  std::map<std::string, Tensor> state() override;
  void load(const std::map<std::string, Tensor>& state) override;

  void set_micro_batch(std::int64_t images) override;
  std::vector<Pass> passes() override;
  std::string size_lines() override;
  double repeats_after_training(std::size_t) const override;

 private:
  void make_baseline();
  std::int64_t evaluation_size() const { return micro_batch_ > 0 ? micro_batch_ : 100; }
  std::vector<nas::Batch> valid_batches() const;
  std::vector<double> stage_drops(GatedTraining& trained) const;
  CandidateGroup rank(GatedTraining& from, const std::string& name, const nas::Drawing& drawing,
                      const nas::Pause& pause);
  /// Test accuracy of the candidate in place.
  double test(GatedTraining& from);
  nlohmann::ordered_json whole_json(GatedTraining& from);
  void write_posterior();

  Session& session_;
  const PgnasSettings settings_;
  TensorForm maps_;
  data::Splits splits_;
  nas::Batch valid_;  // here before any rehearsal, so that plans count it
  GatedTraining learned_;
  std::unique_ptr<GatedTraining> baseline_;
  GatedTraining* trained_ = &learned_;  ///< of the stretch
  data::Loader loader_;
  std::vector<Stretch> stretches_;
  std::int64_t micro_batch_ = 0;
  std::vector<CandidateGroup> groups_;
};

}  // namespace ockham::apps
